// SPDX-License-Identifier: ISC
// The plug-in's end of the link: it claims a slot, asks for blocks and reads what the engine has made.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "platform.hpp"
#include "protocol.h"

namespace cuevox {

// What the user is told; the first ones as in Refusal.
enum class Link : int {
    kServed = 0,
    kOtherRate = 1,
    kOtherHost = 2,
    kElsewhere = 3,
    kNoBus = 4,
    kAbsent = 5,        // no engine
    kOtherVersion = 6,  // an engine of another version
    kFull = 7,          // all slots are taken
};

struct Wanted {
    uint64_t instance;
    uint32_t bus;
    uint32_t sample_rate;
    uint32_t max_block_frames;
    uint32_t latency_frames;
    bool takes_notes;
    bool wakes;
};

class Client {
public:
    // Return a client that has a slot, or nothing and why. May wait; never called in the audio thread.
    static std::unique_ptr<Client> connect(const std::string& name, const Wanted& wanted, Link& why);
    ~Client();

    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // Whether another segment has the name now; not in the audio thread.
    bool is_replaced(const std::string& name) const { return memory_.is_replaced(name); }

    // All that follows: in the audio thread; nothing here allocates, locks, or waits, unless the block is offline.

    // A block: turn, notes, ask, read as often as needed, end. ahead: ask for the next block too, so that it is there
    // when it is wanted, without any latency. about: stream, frames, ahead_frames, generation and bus are filled in.
    void turn(const Request& about, bool ahead);
    void note(uint32_t offset, const uint8_t* bytes, uint32_t size);
    void ask(const Request& about, uint32_t frames, bool ahead);
    void read(float* left, float* right, uint32_t frames);
    void end();

    void set_bus(uint32_t bus);
    void set_latency(uint32_t frames);

    Link link() const;
    bool is_served() const { return load_acquire(header_->engine.epoch) != 0; }
    uint64_t misses() const { return slot_->counted.misses; }
    uint32_t latency_frames() const { return latency_frames_; }
    uint32_t engine_rate() const { return header_->about.sample_rate; }

    // By how much what the engine's mixer gives on this bus is late.
    uint32_t mixer_latency_frames(uint32_t bus) const
    {
        const auto& engine = header_->engine;
        return load_acquire(bus == 0 ? engine.mix_latency_frames : engine.strip_latency_frames);
    }

    // A bus's id, or nothing where there is none; and the other way round: its number, or -1.
    std::string bus_id(uint32_t bus) const;
    std::string bus_name(uint32_t bus) const;
    int find_bus(const std::string& id) const;

    // How often an engine has told names; 0 while none serves.
    uint64_t names() const { return is_served() ? load_acquire(header_->engine.names) : 0; }

    // A bus's name without a client, of the engine that `link` leads to; nothing where there is none.
    static std::string bus_name(const std::string& link, uint32_t bus);

private:
    Client() = default;
    bool claim(const Wanted& wanted);
    void look_for_engine();
    void look_for_jump(const Request& about, bool ahead);
    bool post_all(const Request& about, uint32_t frames, bool ahead);
    bool post(const Request& request);
    void wait_for(uint64_t done);
    template <typename Condition> void sleep_unless(Condition is_met);
    uint64_t done() const;
    bool are_news_heard() const { return load_acquire(slot_->taken.requests) >= news_; }
    bool engine_lives();

    SharedMemory memory_;
    Header* header_ = nullptr;
    Slot* slot_ = nullptr;
    bool wakes_ = true;
    uint32_t generation_ = 0;
    uint32_t latency_frames_ = 0;
    uint64_t epoch_ = 0;
    uint64_t stream_ = 0;
    uint64_t valid_from_ = 0;      // nothing before is owed
    uint64_t done_ = 0;            // as this block found it
    uint64_t posted_ = 0;
    uint64_t notes_ = 0;
    uint64_t news_ = 0;            // so many requests tell the last of what was not to be foreseen: a jump, another bus
    uint64_t news_at_ = 0;         // where in the stream the first of that is which the engine may not have heard yet
    uint32_t bus_ = 0;
    bool is_turned_ = false;       // the bus, since the last block
    int64_t expected_frame_ = 0;   // where the timeline is next, if the DAW goes on as it does
    uint32_t expected_flags_ = 0;
    int64_t loop_[2] = {0, 0};
    bool asked_ahead_ = false;
    bool is_offline_ = false;
    bool is_owed_ = false;         // this block: what is missing of it is a miss
    uint32_t missed_frames_ = 0;
    uint64_t beat_ = 0;
    uint64_t beat_seen_ns_ = 0;
    bool is_dead_ = false;         // the engine has given no sign of life for a while
    float last_[2] = {0.0f, 0.0f};
    float tail_[2] = {0.0f, 0.0f};  // of what broke off; it decays beneath what comes after
    float level_ = 0.0f;
};

namespace {
constexpr uint64_t kDeadAfterNs = 1000000000ull;     // an engine counts its beat many times a second
constexpr uint64_t kGiveUpAfterNs = 30000000000ull;  // a living engine that does not answer is waited for so long
constexpr uint64_t kSkipFrames = kRingFrames / 2;    // more than any request reaches ahead
constexpr uint32_t kFadeFrames = 128;
constexpr float kDecay = 0.98f;                      // of the last sample, each frame, where sound breaks off
constexpr float kSilent = 1e-6f;
}  // namespace

inline std::unique_ptr<Client> Client::connect(const std::string& name, const Wanted& wanted, Link& why)
{
    std::unique_ptr<Client> client(new Client);
    why = Link::kAbsent;
    if (!client->memory_.open(name, sizeof(Header::about)))
        return nullptr;
    client->header_ = static_cast<Header*>(client->memory_.data());
    if (load_acquire(client->header_->about.magic) != kMagic)
        return nullptr;  // it is being made
    if (client->header_->about.version != kVersion || client->header_->about.slot_bytes != sizeof(Slot)) {
        why = Link::kOtherVersion;
        return nullptr;
    }
    if (load_acquire(client->header_->engine.epoch) == 0)
        return nullptr;
    why = Link::kFull;
    if (!client->claim(wanted))
        return nullptr;
    why = Link::kServed;
    return client;
}

inline Client::~Client()
{
    if (slot_ != nullptr)
        store_release(slot_->plugin.host, 0u);
}

inline bool Client::claim(const Wanted& wanted)
{
    char* const first = static_cast<char*>(memory_.data()) + kSlotsAt;
    for (uint32_t number = 0; number < kSlots; ++number) {
        Slot* const slot = reinterpret_cast<Slot*>(first + number * sizeof(Slot));
        const uint32_t host = load_acquire(slot->plugin.host);
        if (host != 0 && !lives(host))
            swap_if(slot->plugin.host, host, 0u);
        if (!swap_if(slot->plugin.host, 0u, this_process()))
            continue;
        slot_ = slot;
        slot->plugin.instance = wanted.instance;
        slot->plugin.sample_rate = wanted.sample_rate;
        slot->plugin.max_block_frames = wanted.max_block_frames;
        slot->plugin.latency_frames = latency_frames_ = std::min(wanted.latency_frames, kMaxLatencyFrames);
        slot->plugin.bus = bus_ = wanted.bus;
        slot->plugin.takes_notes = wanted.takes_notes;
        slot->plugin.looks = !wanted.wakes;
        wakes_ = wanted.wakes;
        slot->counted = {};
        posted_ = load_acquire(slot->asked.requests);
        notes_ = load_acquire(slot->asked.notes);
        valid_from_ = stream_ = (load_acquire(slot->answered.done) + 2 * kRingFrames) / kRingFrames * kRingFrames;
        generation_ = slot->plugin.generation + 1;
        store_release(slot->plugin.generation, generation_);
        return true;
    }
    return false;
}

inline void Client::set_bus(uint32_t bus)
{
    is_turned_ = is_turned_ || bus != bus_;
    bus_ = bus;
}

inline void Client::set_latency(uint32_t frames)
{
    latency_frames_ = std::min(frames, kMaxLatencyFrames);
    __atomic_store_n(&slot_->plugin.latency_frames, latency_frames_, __ATOMIC_RELAXED);
}

inline Link Client::link() const
{
    return is_served() && !is_dead_ ? static_cast<Link>(load_acquire(slot_->answered.refusal)) : Link::kAbsent;
}

inline std::string Client::bus_id(uint32_t bus) const
{
    return bus < kBuses ? std::string(header_->bus[bus].id, strnlen(header_->bus[bus].id, sizeof(Bus::id))) : "";
}

inline std::string Client::bus_name(uint32_t bus) const
{
    return bus < kBuses ? std::string(header_->bus[bus].name, strnlen(header_->bus[bus].name, sizeof(Bus::name))) : "";
}

inline std::string Client::bus_name(const std::string& link, uint32_t bus)
{
    Client looks;  // without a slot
    if (!looks.memory_.open(link, sizeof(Header)))
        return "";
    looks.header_ = static_cast<Header*>(looks.memory_.data());
    const auto& about = looks.header_->about;
    const bool is_ours = load_acquire(about.magic) == kMagic && about.version == kVersion;
    return is_ours && looks.is_served() ? looks.bus_name(bus) : "";
}

inline int Client::find_bus(const std::string& id) const
{
    for (uint32_t bus = 0; bus < kBuses; ++bus)
        if (bus_id(bus) == id)
            return static_cast<int>(bus);
    return -1;
}

inline void Client::note(uint32_t offset, const uint8_t* bytes, uint32_t size)
{
    if (size == 0 || size > sizeof(Note::bytes))
        return;  // system exclusive is no note
    if (epoch_ == 0)
        return;
    if (notes_ - load_acquire(slot_->taken.notes) >= kNotes) {
        ++slot_->counted.lost_notes;
        return;
    }
    Note& note = slot_->note[notes_ % kNotes];
    note.stream = stream_ + offset;
    note.size = static_cast<uint8_t>(size);
    note.generation = generation_;
    for (uint32_t index = 0; index < sizeof(note.bytes); ++index)
        note.bytes[index] = index < size ? bytes[index] : 0;
    store_release(slot_->asked.notes, ++notes_);
}

inline void Client::turn(const Request& about, bool ahead)
{
    is_offline_ = (about.flags & kOffline) != 0;
    look_for_engine();
    engine_lives();
    look_for_jump(about, ahead);
}

inline void Client::ask(const Request& about, uint32_t frames, bool ahead)
{
    const bool posted = epoch_ != 0 && post_all(about, frames, ahead);
    if (!posted) {
        is_owed_ = false;
        valid_from_ = stream_ + frames;
    }
    missed_frames_ = 0;
    ++slot_->counted.blocks;
    const uint64_t end = stream_ + frames;
    const uint64_t wanted = end - std::min<uint64_t>(latency_frames_, end);
    if (is_offline_ && posted && wanted > valid_from_)
        wait_for(wanted);
    done_ = done();
}

// How far the ring is right. A bounce is given more than it has asked for, on the guess that the DAW goes on as it does:
// after news that counts once the engine has heard them.
inline uint64_t Client::done() const
{
    const bool counts = !is_offline_ || are_news_heard();
    const uint64_t done = load_acquire(slot_->answered.done);
    return counts ? done : std::min(done, news_at_);
}

inline void Client::end()
{
    if (missed_frames_ == 0 || !is_owed_)
        return;
    ++slot_->counted.misses;
    slot_->counted.missed_frames += missed_frames_;
}

// An engine that has just started owes nothing of what was before.
inline void Client::look_for_engine()
{
    const uint64_t epoch = load_acquire(header_->engine.epoch);
    if (epoch != epoch_) {
        valid_from_ = stream_;
        is_turned_ = true;
    }
    epoch_ = epoch;
}

// Where the DAW does not go on as it did, what was made ahead is of no use: the stream skips it.
inline void Client::look_for_jump(const Request& about, bool ahead)
{
    const uint32_t flags = about.flags & (kPlaying | kFree | kLoop | kOffline), ways = kPlaying | kFree;
    const bool jumps = ((flags ^ expected_flags_) & ways) != 0 ||
                       ((flags & ways) == kPlaying && about.timeline_frame != expected_frame_);
    const bool ends_bounce = !is_offline_ && (expected_flags_ & kOffline) != 0;
    if ((asked_ahead_ && (jumps || !ahead)) || ends_bounce)
        valid_from_ = stream_ += kSkipFrames;
    if (jumps || is_turned_ || flags != expected_flags_ || about.loop_start != loop_[0] || about.loop_end != loop_[1]) {
        if (are_news_heard())
            news_at_ = stream_;
        news_ = posted_ + 1;
    }
    is_turned_ = false;
    loop_[0] = about.loop_start;
    loop_[1] = about.loop_end;
    is_owed_ = !ahead || (asked_ahead_ && !jumps);  // the first block after a jump can't have been made ahead
    asked_ahead_ = ahead;
    expected_flags_ = flags;
}

inline bool Client::post_all(const Request& about, uint32_t frames, bool ahead)
{
    const bool plays = (about.flags & kPlaying) != 0;
    expected_frame_ = about.timeline_frame + (plays ? frames : 0);
    Request request = about;
    request.generation = generation_;
    request.bus = bus_;
    for (uint32_t done = 0; done < frames; done += request.frames) {
        request.stream = stream_ + done;
        request.timeline_frame = about.timeline_frame + (plays ? done : 0);
        request.frames = std::min(frames - done, kMaxRequestFrames);
        const bool is_last = done + request.frames == frames;
        request.ahead_frames = ahead && is_last ? std::min(slot_->plugin.max_block_frames, kMaxRequestFrames) : 0;
        if (!post(request))
            return false;
    }
    return true;
}

inline bool Client::post(const Request& request)
{
    while (posted_ - load_acquire(slot_->taken.requests) >= kRequests) {
        if (!is_offline_ || !engine_lives())
            return false;
        sleep_unless([this] { return posted_ - load_acquire(slot_->taken.requests) < kRequests; });
    }
    slot_->request[posted_ % kRequests] = request;
    store_release(slot_->asked.requests, ++posted_);
    __atomic_add_fetch(&header_->door.bell, 1u, __ATOMIC_SEQ_CST);
    if ((wakes_ || is_offline_) && __atomic_load_n(&header_->door.waiting, __ATOMIC_SEQ_CST) != 0)
        wake(header_->door.bell);
    return true;
}

// Offline only: wait until the ring is valid before a stream frame. A dead engine is waited for once, not each block.
inline void Client::wait_for(uint64_t wanted)
{
    uint64_t begun_ns = monotonic_ns();
    while (done() < wanted) {
        if (load_acquire(slot_->answered.held) != 0)
            begun_ns = monotonic_ns();
        if (load_acquire(header_->engine.epoch) != epoch_ || !engine_lives() ||
            monotonic_ns() - begun_ns > kGiveUpAfterNs) {
            ++slot_->counted.given_up;
            return;
        }
        sleep_unless([this, wanted] { return done() >= wanted; });
    }
}

// Offline only: wait for the engine's next answer, or some milliseconds.
template <typename Condition> void Client::sleep_unless(Condition is_met)
{
    const uint32_t bell = load_acquire(slot_->answered.bell);
    __atomic_store_n(&slot_->answered.waiting, 1u, __ATOMIC_SEQ_CST);
    if (!is_met())
        wait_on(slot_->answered.bell, bell);
    __atomic_store_n(&slot_->answered.waiting, 0u, __ATOMIC_SEQ_CST);
}

inline bool Client::engine_lives()
{
    const uint64_t beat = load_acquire(header_->engine.beat), now_ns = monotonic_ns();
    if (beat != beat_ || beat_seen_ns_ == 0) {
        is_dead_ = is_dead_ && beat == beat_;
        beat_ = beat;
        beat_seen_ns_ = now_ns;
    } else if (now_ns - beat_seen_ns_ > kDeadAfterNs) {
        is_dead_ = true;
    }
    return !is_dead_;
}

// Read on in the stream, latency_frames behind what has been asked for.
inline void Client::read(float* left, float* right, uint32_t frames)
{
    const int64_t first = static_cast<int64_t>(stream_) - latency_frames_;
    float* const out[2] = {left, right};
    for (uint32_t index = 0; index < frames; ++index) {
        const int64_t place = first + index;
        const bool is_due = place >= static_cast<int64_t>(valid_from_);
        const bool is_there = is_due && static_cast<uint64_t>(place) < done_;
        missed_frames_ += is_due && !is_there;
        level_ = !is_there ? 0.0f : is_offline_ ? 1.0f : std::min(1.0f, level_ + 1.0f / kFadeFrames);
        for (int channel = 0; channel < 2; ++channel) {
            float& last = last_[channel];
            float& tail = tail_[channel];
            if (!is_there)
                tail += last;
            last = is_there ? slot_->ring[place % kRingFrames][channel] * level_ : 0.0f;
            tail = is_offline_ || std::abs(tail) < kSilent ? 0.0f : tail * kDecay;
            out[channel][index] = last + tail;
        }
    }
    stream_ += frames;
}

}  // namespace cuevox
