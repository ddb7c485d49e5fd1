// SPDX-License-Identifier: ISC
// What Cuevox Return and the engine share: one segment of memory, a header and a slot for each instance of the plug-in.
//
// Every field has one writer: P, the plug-in (in its audio thread unless it says "claim"), or E, the engine. Data is
// written first, then the word that publishes it, with a release store; the other side loads that word with acquire.
//
// The sound travels in a ring that counts the instance's own *stream*: frames since it was claimed. A request says
// which timeline frame its first stream frame is. A stream only ever grows; it skips frames when the plug-in has asked
// ahead and the DAW jumps: what was made ahead then is never read. A bounce does not ask ahead: it is given more than it
// has asked for, as long as it goes on as it did, and uses that at once, but still tells each block. Where it does not go
// on so, it waits until the engine has answered the request that says so; `done` may have gone back by then.
// engine/daw/layout.py is this page in Python.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cuevox {

constexpr uint64_t kMagic = 0x3130585645554343ull;
constexpr uint32_t kVersion = 4;
constexpr uint32_t kSlots = 16;
constexpr uint32_t kBuses = 64;
constexpr uint32_t kRingFrames = 32768;
constexpr uint32_t kRequests = 256;
constexpr uint32_t kNotes = 1024;
constexpr uint32_t kMaxRequestFrames = 1024;
constexpr uint32_t kMaxLatencyFrames = 16384;

enum RequestFlag : uint32_t {
    kPlaying = 1,
    kOffline = 2,
    kFree = 4,     // the DAW's transport is none of the engine's business
    kLoop = 8,     // loop_start and loop_end are told
    kTempo = 16,   // tempo and meter are told
    kBar = 32,     // so are bar and beat
};

// Why a slot hears silence.
enum Refusal : uint32_t {
    kServed = 0,
    kOtherRate = 1,   // the engine's rate is the header's
    kOtherHost = 2,   // another host has the transport
    kElsewhere = 3,   // another instance plays another place of the timeline
    kNoBus = 4,       // no strip at that place
};

struct Request {             // P: one for each block, or for each kMaxRequestFrames of it
    uint64_t stream;         // its first frame in the stream
    int64_t timeline_frame;  // where that frame is in the project; before 0 while the DAW rolls in
    uint32_t frames;
    uint32_t flags;
    uint32_t ahead_frames;   // how many more are wanted, on the guess that the DAW goes on as it does
    uint32_t generation;     // the claim it belongs to: what a host that died has left is not answered
    double tempo_bpm;
    double beats_per_bar;
    double beat_type;
    double beat;             // within the bar, from 0
    int64_t bar;             // from 0
    int64_t loop_start;      // timeline frames
    int64_t loop_end;
    uint64_t asked_ns;       // the host's monotonic clock
    uint32_t bus;            // 0: the mix; else one more than the strip's index
    uint32_t spare[7];
};
static_assert(sizeof(Request) == 128, "layout");

struct Note {                // P: a short MIDI message; published before the request for the block that it falls into
    uint64_t stream;
    uint8_t size;
    uint8_t bytes[3];
    uint32_t generation;     // as in Request
};
static_assert(sizeof(Note) == 16, "layout");

struct alignas(64) Slot {
    struct alignas(64) {
        uint32_t host;              // claim: 0, or the process that has the slot, by compare and swap
        uint32_t generation;        // claim: one more each time
        uint64_t instance;          // claim
        uint32_t sample_rate;       // claim
        uint32_t max_block_frames;  // claim
        uint32_t latency_frames;
        uint32_t bus;               // claim: what it will ask for first; it is kept from then on
        uint32_t takes_notes;       // claim: whether it may send notes: nothing is mixed before it has asked, too
        uint32_t looks;             // claim: 1: it rings the bell, but wakes nobody; the engine has to look by itself
    } plugin;
    struct alignas(64) {
        uint64_t requests;          // P publishes
        uint64_t notes;
    } asked;
    struct alignas(64) {
        uint64_t requests;          // E: so many have been answered
        uint64_t notes;
    } taken;
    struct alignas(64) {
        uint64_t done;              // E publishes: the ring is valid before this stream frame, if nothing has changed
        uint64_t refusal;           // E: a Refusal, of the last answer
        uint32_t bell;              // E adds 1 after each answer, for a host that waits offline
        uint32_t waiting;           // P: somebody does
        uint32_t held;              // E: 1: the next request waits for what others bounce, however long that takes
    } answered;
    struct alignas(64) {
        uint64_t blocks;            // P
        uint64_t misses;            // blocks that came too late or not at all
        uint64_t missed_frames;
        uint64_t given_up;          // offline blocks that the engine never answered
        uint64_t lost_notes;        // notes that found no room
    } counted;
    uint64_t answered_ns[kRequests];  // E: when, by the clock of asked_ns
    Request request[kRequests];
    Note note[kNotes];
    float ring[kRingFrames][2];
};
static_assert(sizeof(Slot) % 64 == 0, "layout");

struct Bus {
    char id[64];                    // empty: no strip; ends with a 0
    char name[64];                  // what people call it, in UTF-8; each bus another one
};

struct alignas(4096) Header {
    struct alignas(64) {
        uint64_t magic;             // E publishes, last of all
        uint32_t version;
        uint32_t slots;
        uint32_t slots_at;          // bytes from the start
        uint32_t slot_bytes;
        uint32_t sample_rate;
        uint32_t engine;            // its process
    } about;
    struct alignas(64) {
        uint64_t epoch;             // E publishes: another one for each start, 0 while nobody serves
        uint64_t beat;              // E counts while it lives
        uint32_t mix_latency_frames;    // by which the mix comes late
        uint32_t strip_latency_frames;  // by which every other bus does
        uint64_t names;             // E publishes: how often the buses have changed
    } engine;
    struct alignas(64) {
        uint32_t bell;              // P adds 1 for each request
        uint32_t waiting;           // E: it sleeps on the bell
    } door;
    alignas(4096) Bus bus[kBuses];  // by Request's bus
};

constexpr uint32_t kSlotsAt = 4096 + kBuses * sizeof(Bus);
constexpr size_t kSegmentBytes = kSlotsAt + size_t(kSlots) * sizeof(Slot);
static_assert(sizeof(Header) == kSlotsAt, "layout");

}  // namespace cuevox
