// The plug-in's end of the link, on whatever system this is compiled for, against an engine of a few lines in the same
// process: client_run. Prints what fails and ends with 1, or with 0.
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "client.hpp"

using namespace cuevox;

namespace {

constexpr uint32_t kBlock = 256, kLate = 512, kRate = 48000, kAhead = 4096;
int failures = 0;

void check(bool holds, const char* what)
{
    if (!holds)
        std::printf("failed: %s\n", what);
    failures += !holds;
}

// The segment, made as an engine makes it.
class Made {
public:
    Made()
    {
        const std::string name = link_name();
#ifdef _WIN32
        handle_ = CreateFileMappingA(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, 0, kSegmentBytes, name.c_str());
        data_ = MapViewOfFile(handle_, FILE_MAP_ALL_ACCESS, 0, 0, kSegmentBytes);
#else
        shm_unlink(name.c_str());
        const int file = shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
        if (ftruncate(file, kSegmentBytes) == 0)
            data_ = mmap(nullptr, kSegmentBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        ::close(file);
#endif
    }

    ~Made()
    {
#ifdef _WIN32
        UnmapViewOfFile(data_);
        CloseHandle(handle_);
#else
        munmap(data_, kSegmentBytes);
        shm_unlink(link_name().c_str());
#endif
    }

    Header& header() const { return *static_cast<Header*>(data_); }
    Slot& slot(uint32_t number) const
    {
        return *reinterpret_cast<Slot*>(static_cast<char*>(data_) + kSlotsAt + number * sizeof(Slot));
    }

private:
    void* data_ = nullptr;
#ifdef _WIN32
    HANDLE handle_ = nullptr;
#endif
};

float sample_at(uint64_t stream) { return static_cast<float>(stream % 65536) / 65536.0f; }

float place_at(uint64_t frame, uint32_t bus) { return sample_at(frame) / static_cast<float>(1 + bus); }

// Answers all slots: each frame's sound is its place in the stream.
class Engine {
public:
    explicit Engine(Made& made) : made_(made)
    {
        auto& header = made.header();
        header.about.version = kVersion;
        header.about.slots = kSlots;
        header.about.slots_at = kSlotsAt;
        header.about.slot_bytes = sizeof(Slot);
        header.about.sample_rate = kRate;
        std::strcpy(header.bus[0].id, "mix");
        std::strcpy(header.bus[1].id, "narrator");
        std::strcpy(header.bus[1].name, "The narrator");
        store_release(header.about.magic, kMagic);
    }
    ~Engine() { stop(); }

    void start()
    {
        store_release(made_.header().engine.epoch, ++epochs_);
        quits_ = false;
        thread_ = std::thread([this] { serve(); });
    }
    // Give bounces more than they ask for, and every frame the sound of its place on the timeline and of its bus.
    void give_ahead() { gives_ahead_ = true; }
    void pause(bool pauses)
    {
        pauses_ = pauses;
        while (pauses && !is_paused_)
            sleep_ms(1);
    }
    void stop()
    {
        quits_ = true;
        if (thread_.joinable())
            thread_.join();
    }

private:
    void serve()
    {
        while (!quits_) {
            store_release(made_.header().engine.beat, made_.header().engine.beat + 1);
            const bool pauses = pauses_;
            for (uint32_t number = 0; number < kSlots && !is_paused_; ++number)
                answer(made_.slot(number));  // once more before it pauses: then nothing waits
            is_paused_ = pauses;
            sleep_ms(1);
        }
    }

    void answer(Slot& slot)
    {
        for (uint64_t taken = slot.taken.requests; taken < load_acquire(slot.asked.requests);) {
            const Request& request = slot.request[taken % kRequests];
            const bool gives = gives_ahead_ && (request.flags & kOffline) != 0;
            const uint64_t end = request.stream + request.frames + request.ahead_frames + (gives ? kAhead : 0);
            for (uint64_t at = request.stream; at < end; ++at) {
                const float sound = gives ? place_at(at - request.stream + request.timeline_frame, request.bus)
                                          : sample_at(at);
                slot.ring[at % kRingFrames][0] = sound;
                slot.ring[at % kRingFrames][1] = -sound;
            }
            store_release(slot.taken.notes, load_acquire(slot.asked.notes));
            store_release(slot.answered.done, end);
            store_release(slot.taken.requests, ++taken);
            store_release(slot.answered.bell, slot.answered.bell + 1);
            wake(slot.answered.bell);
        }
    }

    Made& made_;
    uint64_t epochs_ = 0;
    std::atomic<bool> quits_{false}, pauses_{false}, is_paused_{false}, gives_ahead_{false};
    std::thread thread_;
};

Wanted wanted(uint64_t instance) { return {instance, 0, kRate, kBlock, kLate, true, true}; }

std::unique_ptr<Client> connected(Link& why, uint64_t instance = 1) { return Client::connect(link_name(), wanted(instance), why); }

// One block; whether all of its sound is what the stream has there. `from`: what the first frame should be, or nothing.
bool run(Client& client, const Made& made, uint32_t flags, int64_t frame, uint64_t& stream, bool waits)
{
    float left[kBlock], right[kBlock];
    Request about = {};
    about.flags = flags;
    about.timeline_frame = frame;
    client.turn(about, false);
    const uint8_t bytes[] = {0x90, 36, 100};
    client.note(7, bytes, 3);
    client.ask(about, kBlock, false);
    for (int tries = 0; waits && tries < 20000 && made.slot(0).taken.requests < made.slot(0).asked.requests; ++tries)
        sleep_ms(1);
    client.read(left, right, kBlock);
    client.end();
    bool is_right = true;
    for (uint32_t index = 0; index < kBlock; ++index, ++stream)
        is_right = is_right && left[index] == sample_at(stream - kLate) && right[index] == -left[index];
    return is_right;
}

void plays(Engine& engine, Made& made)
{
    Link why;
    check(connected(why) == nullptr && why == Link::kAbsent, "nobody serves yet");
    engine.start();
    made.header().about.version = kVersion + 1;
    check(connected(why) == nullptr && why == Link::kOtherVersion, "another version is told");
    made.header().about.version = kVersion;
    std::unique_ptr<Client> client = connected(why);
    check(client != nullptr && made.slot(0).plugin.host == this_process() && lives(this_process()), "it has a slot");
    check(client->find_bus("narrator") == 1 && client->find_bus("nobody") == -1, "buses are found by their id");
    check(client->bus_name(1) == "The narrator" && Client::bus_name(link_name(), 1) == "The narrator", "and named");
    check(Client::bus_name(link_name(), 2).empty() && Client::bus_name("/nobody", 1).empty(), "where they are");
    uint64_t stream = 2 * kRingFrames;  // where a first claim begins
    for (int block = 0; block < 4; ++block)
        run(*client, made, kPlaying, block * kBlock, stream, true);
    bool all = true;
    for (int block = 4; block < 40; ++block)
        all = run(*client, made, kPlaying, block * kBlock, stream, true) && all;
    check(all && client->misses() == 0, "live blocks come, late by what was said");
    const Slot& slot = made.slot(0);
    check(slot.asked.notes == 40 && slot.note[3].stream == 2 * kRingFrames + 3 * kBlock + 7, "notes know their frame");
    check(slot.request[39].timeline_frame == 39 * kBlock && slot.request[39].flags == kPlaying, "so do requests");
    for (int block = 40; block < 80; ++block)
        all = run(*client, made, kPlaying | kOffline, block * kBlock, stream, false) && all;
    check(all && client->misses() == 0, "an offline block waits for its sound");
    engine.stop();
    run(*client, made, kOffline, 0, stream, false);
    run(*client, made, kOffline, 0, stream, false);
    run(*client, made, kOffline, 0, stream, false);
    const uint64_t begun_ns = monotonic_ns();
    for (int block = 0; block < 20; ++block)
        run(*client, made, kOffline, 0, stream, false);
    check(client->misses() > 0 && client->link() == Link::kAbsent, "an engine that hangs is told");
    check(monotonic_ns() - begun_ns < 10 * kDeadAfterNs, "and waited for once, not for each block");
    engine.start();
    stream += kRingFrames / 2;  // what was given ahead is left out
    for (int block = 0; block < 8; ++block)
        run(*client, made, kPlaying, 0, stream, true);
    check(run(*client, made, kPlaying, 0, stream, true) && client->link() == Link::kServed, "it may come back");
}

// A bounce that is given more than it asks for: `heard` is what should come, `kLate` behind where it is.
class Bounce {
public:
    explicit Bounce(std::unique_ptr<Client> client) : client_(std::move(client)), due_(kLate, 0.0f) {}

    bool run(int blocks)
    {
        bool is_right = true;
        for (int block = 0; block < blocks; ++block, frame += kBlock) {
            float left[kBlock], right[kBlock];
            Request about = {};
            about.flags = kPlaying | kOffline;
            about.timeline_frame = frame;
            client_->set_bus(bus);
            client_->turn(about, false);
            client_->ask(about, kBlock, false);
            client_->read(left, right, kBlock);
            client_->end();
            for (uint32_t index = 0; index < kBlock; ++index) {
                due_.push_back(place_at(frame + index, bus));
                is_right = is_right && left[index] == due_[read_] && right[index] == -due_[read_];
                ++read_;
            }
        }
        return is_right && client_->misses() == 0;
    }

    int64_t frame = 1000;
    uint32_t bus = 0;

private:
    std::unique_ptr<Client> client_;
    std::vector<float> due_;
    size_t read_ = 0;
};

void bounces(Engine& engine, Made& made)
{
    Link why;
    Bounce bounce(connected(why));
    const Slot& slot = made.slot(0);
    engine.give_ahead();
    check(bounce.run(20), "a bounce that is given more than it asks for hears its places");
    engine.pause(true);
    const uint64_t answered = slot.taken.requests;
    check(bounce.run(10) && slot.taken.requests == answered, "and copies on while nobody answers");
    engine.pause(false);
    for (int64_t place : {9000, 300, 50000}) {
        bounce.frame = place;
        check(bounce.run(1), "a jump is heard where it is, also one after the other");
    }
    check(bounce.run(30), "and what comes after it");
    for (const uint32_t bus : {1u, 0u, 3u}) {
        bounce.bus = bus;
        check(bounce.run(5), "another bus is heard from its own frame on, late by what was said, and nothing before");
    }
    check(bounce.run(30), "nothing of one bus is left in another one");
    engine.pause(true);
    std::thread goes_on([&engine] {
        sleep_ms(20);
        engine.pause(false);
    });
    bounce.frame = 20000;
    check(bounce.run(30), "after a jump nothing is heard of what was given before");
    goes_on.join();
}

void share(Made& made)
{
    Link why;
    std::vector<std::unique_ptr<Client>> all;
    for (uint32_t number = 0; number < kSlots; ++number)
        all.push_back(connected(why, number));
    check(all.back() != nullptr, "as many as there are slots");
    check(connected(why) == nullptr && why == Link::kFull, "one more is refused");
    all.pop_back();
    check(connected(why) != nullptr, "a slot that was left is free");
    store_release(made.slot(3).plugin.host, 0x7ffffff0u);
    check(!lives(0x7ffffff0u) && connected(why) != nullptr, "so is one of a host that died");
    all[3].release();  // its slot is somebody else's now
}

}  // namespace

int main()
{
    Link why;
    check(connected(why) == nullptr && why == Link::kAbsent, "nothing is there");
    Made made;
    Engine engine(made);
    plays(engine, made);
    bounces(engine, made);
    share(made);
    engine.stop();
    return failures == 0 ? 0 : 1;
}
