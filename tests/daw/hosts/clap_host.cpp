// A small CLAP host for the tests: clap_host PLUGIN.clap RATE BLOCK OUT.raw, told what to do line by line:
//   play | stop | locate FRAME | loop START END (equal: off) | offline 0|1 | pace 0|1|2 (at once, in real time, as soon as
//   the engine has answered what was asked: live, and no stall costs a block) | bus etc. by number:
//   param ID VALUE | note OFFSET B0 B1 B2 (in the next block) | run BLOCKS (between two calls of getppid, for a tracer) | save FILE
//   load FILE | use NUMBER (another instance, made when it is new; all that follows is for that one) |
//   restart (what a host does when the latency has changed) | text ID VALUE | value ID TEXT | tell | missed (of the last run: for each block that came
//   too late when it did, and for how long the engine had had time, both in ns)
// Each line is answered by one: `ok`, by `run` with what a block took at the median, p99 and longest in µs, how often the
// plug-in asked for memory, gave some back or locked, and how many blocks it refused; by `text` with what a value is
// called, by `value` with what is called so; by `tell` the latency, whether it wants to be started again, the parameters
// that the plug-in tells, and last how often it had the host look at their texts.
// The sound of all blocks is appended to OUT.raw, float32, interleaved.
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "client.hpp"

#include "clap/entry.h"
#include "clap/events.h"
#include "clap/ext/latency.h"
#include "clap/ext/params.h"
#include "clap/ext/state.h"
#include "clap/fixedpoint.h"
#include "clap/plugin-factory.h"
#include "clap/plugin.h"

// What a plug-in must not call while it fills a block; how often it does.
thread_local bool counts = false;
long forbidden = 0;
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void __libc_free(void*);
void* malloc(size_t bytes) noexcept { return forbidden += counts, __libc_malloc(bytes); }
void* calloc(size_t count, size_t bytes) noexcept { return forbidden += counts, __libc_calloc(count, bytes); }
void* realloc(void* before, size_t bytes) noexcept { return forbidden += counts, __libc_realloc(before, bytes); }
void free(void* gone) noexcept { forbidden += counts, __libc_free(gone); }
int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept
{
    using Lock = int (*)(pthread_mutex_t*);
    static std::atomic<Lock> lock{nullptr};
    if (lock == nullptr)
        lock = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
    forbidden += counts;
    return lock.load()(mutex);
}
}

namespace {

struct Render {
    bool(CLAP_ABI* hard)(const clap_plugin_t*);
    bool(CLAP_ABI* set)(const clap_plugin_t*, int32_t);
};

bool wants_restart = false;
bool wants_callback = false;
long looks = 0;
void CLAP_ABI rescan(const clap_host_t*, clap_param_rescan_flags what) { looks += (what & CLAP_PARAM_RESCAN_TEXT) != 0; }
void CLAP_ABI clear(const clap_host_t*, clap_id, clap_param_clear_flags) {}
const void* CLAP_ABI extension(const clap_host_t*, const char* name)  // no other: not even latency
{
    static const clap_host_params_t params = {rescan, clear, [](const clap_host_t*) {}};
    return std::strcmp(name, CLAP_EXT_PARAMS) == 0 ? &params : nullptr;
}
void CLAP_ABI restart(const clap_host_t*) { wants_restart = true; }
void CLAP_ABI call_back(const clap_host_t*) { wants_callback = true; }
void CLAP_ABI nothing(const clap_host_t*) {}

union Event {
    clap_event_header_t header;
    clap_event_midi_t midi;
    clap_event_param_value_t param;
};
std::vector<Event> events;
std::vector<float> told(16, 0.0f);

uint32_t CLAP_ABI count(const clap_input_events_t*) { return static_cast<uint32_t>(events.size()); }
const clap_event_header_t* CLAP_ABI get(const clap_input_events_t*, uint32_t index) { return &events[index].header; }
bool CLAP_ABI push(const clap_output_events_t*, const clap_event_header_t* event)
{
    if (event->type == CLAP_EVENT_PARAM_VALUE) {
        const auto* value = reinterpret_cast<const clap_event_param_value_t*>(event);
        if (value->param_id < told.size())
            told[value->param_id] = static_cast<float>(value->value);
    }
    return true;
}

int64_t CLAP_ABI write_file(const clap_ostream_t* stream, const void* data, uint64_t size)
{
    return static_cast<int64_t>(std::fwrite(data, 1, size, static_cast<FILE*>(stream->ctx)));
}
int64_t CLAP_ABI read_file(const clap_istream_t* stream, void* data, uint64_t size)
{
    return static_cast<int64_t>(std::fread(data, 1, size, static_cast<FILE*>(stream->ctx)));
}

struct Transport {
    int64_t frame = 0, loop_start = 0, loop_end = 0;
    bool plays = false;
};

struct Instance {
    const clap_plugin_t* plugin;
    Transport transport;
    int64_t steady = 123456789;  // no song position
};

uint64_t now_ns()
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return uint64_t(now.tv_sec) * 1000000000ull + uint64_t(now.tv_nsec);
}

constexpr clap_id kBlocksOfLatency = 2, kMissedBlocks = 6;

// Be an audio thread, as hosts' are, where the system grants it.
void prefer()
{
    const sched_param param = {10};
    pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
}

// Wait until the engine has answered all that this process has asked; for half a minute at most.
void wait_for_answers(const cuevox::SharedMemory& memory)
{
    const uint64_t until_ns = now_ns() + 30000000000ull;
    const char* const first = static_cast<const char*>(memory.data()) + cuevox::kSlotsAt;
    for (uint32_t number = 0; number < cuevox::kSlots; ++number) {
        const auto* slot = reinterpret_cast<const cuevox::Slot*>(first + number * sizeof(cuevox::Slot));
        while (cuevox::load_acquire(slot->plugin.host) == cuevox::this_process() && now_ns() < until_ns &&
               cuevox::load_acquire(slot->taken.requests) < cuevox::load_acquire(slot->asked.requests)) {
            const timespec moment = {0, 50000};
            nanosleep(&moment, nullptr);
        }
    }
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc != 5)
        return 2;
    void* const library = dlopen(argv[1], RTLD_NOW);
    if (library == nullptr)
        return std::fprintf(stderr, "%s\n", dlerror()), 1;
    const auto* entry = static_cast<const clap_plugin_entry_t*>(dlsym(library, "clap_entry"));
    const double rate = std::atof(argv[2]);
    const uint32_t block = static_cast<uint32_t>(std::atoi(argv[3]));
    FILE* const out = std::fopen(argv[4], "wb");
    if (entry == nullptr || out == nullptr || !entry->init(argv[1]))
        return 1;
    const auto* factory = static_cast<const clap_plugin_factory_t*>(entry->get_factory(CLAP_PLUGIN_FACTORY_ID));
    const clap_host_t host = {CLAP_VERSION, nullptr, "test", "cuevox", "", "1", extension, restart, nothing, call_back};
    std::vector<Instance> instances;
    size_t chosen = 0;
    auto start = [&](const clap_plugin_t* plugin) {
        plugin->activate(plugin, rate, 1, block);
        plugin->start_processing(plugin);
    };
    auto stop = [&](const clap_plugin_t* plugin) {
        plugin->stop_processing(plugin);
        plugin->deactivate(plugin);
    };
    auto make = [&] {
        const clap_plugin_t* const made =
            factory->create_plugin(factory, &host, factory->get_plugin_descriptor(factory, 0)->id);
        if (!made->init(made))
            std::exit(1);
        start(made);
        instances.push_back({made, {}});
    };
    make();
    const clap_plugin_t* plugin = instances[0].plugin;
    const auto* render = static_cast<const Render*>(plugin->get_extension(plugin, "clap.render"));
    const auto* latency = static_cast<const clap_plugin_latency_t*>(plugin->get_extension(plugin, CLAP_EXT_LATENCY));
    const auto* params = static_cast<const clap_plugin_params_t*>(plugin->get_extension(plugin, CLAP_EXT_PARAMS));
    const auto* state = static_cast<const clap_plugin_state_t*>(plugin->get_extension(plugin, CLAP_EXT_STATE));

    std::vector<float> silence(block), left(block), right(block), both(2 * block);
    float *ins[2] = {silence.data(), silence.data()}, *outs[2] = {left.data(), right.data()};
    const clap_input_events_t in_events = {nullptr, count, get};
    const clap_output_events_t out_events = {nullptr, push};
    int pace = 0;
    std::vector<uint64_t> begun, missed;
    uint64_t due_ns = 0;
    long refused = 0;

    auto one = [&] {
        Transport& transport = instances[chosen].transport;
        clap_event_transport_t at = {};
        at.header = {sizeof at, 0, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_TRANSPORT, 0};
        at.flags = CLAP_TRANSPORT_HAS_TEMPO | CLAP_TRANSPORT_HAS_SECONDS_TIMELINE |
                   CLAP_TRANSPORT_HAS_BEATS_TIMELINE | CLAP_TRANSPORT_HAS_TIME_SIGNATURE;
        at.flags |= transport.plays ? CLAP_TRANSPORT_IS_PLAYING : 0;
        at.flags |= transport.loop_end > transport.loop_start ? CLAP_TRANSPORT_IS_LOOP_ACTIVE : 0;
        at.tempo = 97;
        at.tsig_num = 3;
        at.tsig_denom = 4;
        at.song_pos_beats = std::llround(double(transport.frame) / rate * at.tempo / 60.0 * CLAP_BEATTIME_FACTOR);
        auto seconds = [&](int64_t frame) { return std::llround(double(frame) / rate * CLAP_SECTIME_FACTOR); };
        at.song_pos_seconds = seconds(transport.frame);
        at.loop_start_seconds = seconds(transport.loop_start);
        at.loop_end_seconds = seconds(transport.loop_end);
        clap_audio_buffer_t in = {ins, nullptr, 2, 0, 0}, to = {outs, nullptr, 2, 0, 0};
        clap_process_t process = {instances[chosen].steady, block, &at, &in, &to, 1, 1, &in_events, &out_events};
        counts = true;
        refused += plugin->process(plugin, &process) == CLAP_PROCESS_ERROR;
        counts = false;
        events.clear();
        instances[chosen].steady += block;
        if (transport.plays) {
            transport.frame += block;
            if (transport.loop_end > transport.loop_start && transport.frame >= transport.loop_end)
                transport.frame = transport.loop_start + transport.frame - transport.loop_end;
        }
    };

    auto value_of = [&](clap_id id) {
        double value = 0.0;
        params->get_value(plugin, id, &value);
        return value;
    };

    std::string line;
    while (std::getline(std::cin, line)) {
        std::istringstream words(line);
        std::string verb, file;
        Transport& transport = instances[chosen].transport;
        words >> verb;
        std::string answer = "ok";
        if (verb == "play") {
            transport.plays = true;
        } else if (verb == "stop") {
            transport.plays = false;
        } else if (verb == "locate") {
            words >> transport.frame;
        } else if (verb == "loop") {
            words >> transport.loop_start >> transport.loop_end;
        } else if (verb == "offline") {
            int mode = 0;
            words >> mode;
            render->set(plugin, mode);
        } else if (verb == "pace") {
            words >> pace;
        } else if (verb == "param") {
            Event event = {};
            event.param.header = {sizeof event.param, 0, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, 0};
            event.param.note_id = event.param.port_index = event.param.channel = event.param.key = -1;
            words >> event.param.param_id >> event.param.value;
            events.push_back(event);
        } else if (verb == "note") {
            Event event = {};
            uint32_t offset, bytes[3];
            words >> offset >> bytes[0] >> bytes[1] >> bytes[2];
            event.midi.header = {sizeof event.midi, offset, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_MIDI, 0};
            for (int index = 0; index < 3; ++index)
                event.midi.data[index] = static_cast<uint8_t>(bytes[index]);
            events.push_back(event);
        } else if (verb == "run") {
            long blocks = 0;
            words >> blocks;
            std::vector<float> sound(2 * size_t(block) * size_t(blocks));
            std::vector<double> spent_us(static_cast<size_t>(blocks));
            if (pace == 1)
                prefer();
            due_ns = now_ns();
            refused = forbidden = 0;
            begun.clear();
            missed.clear();
            double misses = value_of(kMissedBlocks);
            const size_t late_blocks = std::max<size_t>(1, size_t(value_of(kBlocksOfLatency)));
            cuevox::SharedMemory memory;
            const bool waits = pace == 2 && memory.open(cuevox::link_name(), cuevox::kSegmentBytes);
            if (blocks > 0)
                syscall(SYS_getppid);
            for (long number = 0; number < blocks; ++number) {
                if (pace == 1) {
                    due_ns += uint64_t(block / rate * 1e9);
                    const timespec due = {time_t(due_ns / 1000000000ull), long(due_ns % 1000000000ull)};
                    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr);
                }
                const uint64_t begun_ns = now_ns();
                one();
                begun.push_back(begun_ns);
                if (const double now = value_of(kMissedBlocks); now > misses) {
                    misses = now;
                    const size_t asked = size_t(number) - std::min(size_t(number), late_blocks);
                    missed.insert(missed.end(), {begun_ns, begun_ns - begun[asked]});
                }
                spent_us[size_t(number)] = double(now_ns() - begun_ns) / 1e3;
                if (waits)
                    wait_for_answers(memory);
                for (uint32_t index = 0; index < block; ++index) {
                    sound[2 * (size_t(number) * block + index)] = left[index];
                    sound[2 * (size_t(number) * block + index) + 1] = right[index];
                }
            }
            if (blocks > 0)
                syscall(SYS_getppid);
            std::fwrite(sound.data(), sizeof(float), sound.size(), out);
            std::fflush(out);
            std::sort(spent_us.begin(), spent_us.end());
            char text[128] = "ok";
            if (blocks > 0)
                std::snprintf(text, sizeof text, "ok %.2f %.2f %.2f %ld %ld", spent_us[size_t(blocks / 2)],
                              spent_us[size_t(blocks * 99 / 100)], spent_us.back(), forbidden, refused);
            answer = text;
            if (wants_callback) {
                wants_callback = false;
                for (const Instance& it : instances)
                    it.plugin->on_main_thread(it.plugin);
            }
        } else if (verb == "text") {
            clap_id id = 0;
            double value = 0.0;
            char text[256] = "";
            words >> id >> value;
            answer = params->value_to_text(plugin, id, value, text, sizeof text) ? std::string("ok ") + text : "failed";
        } else if (verb == "value") {
            clap_id id = 0;
            double value = 0.0;
            words >> id >> std::ws;
            std::getline(words, file);
            answer = params->text_to_value(plugin, id, file.c_str(), &value) ? "ok " + std::to_string(value) : "failed";
        } else if (verb == "missed") {
            for (const uint64_t ns : missed)
                answer += " " + std::to_string(ns);
        } else if (verb == "use") {
            words >> chosen;
            while (instances.size() <= chosen)
                make();
            plugin = instances[chosen].plugin;
        } else if (verb == "restart") {
            stop(plugin);
            wants_restart = false;
            start(plugin);
        } else if (verb == "save" || verb == "load") {
            words >> file;
            FILE* const kept = std::fopen(file.c_str(), verb == "save" ? "wb" : "rb");
            const clap_ostream_t to = {kept, write_file};
            const clap_istream_t from = {kept, read_file};
            if (kept == nullptr || !(verb == "save" ? state->save(plugin, &to) : state->load(plugin, &from)))
                answer = "failed";
            if (kept != nullptr)
                std::fclose(kept);
        } else if (verb == "tell") {
            std::ostringstream text;
            text << latency->get(plugin) << " " << wants_restart;
            for (clap_id id = 0; id < params->count(plugin); ++id) {
                double value = 0.0;
                params->get_value(plugin, id, &value);
                text << " " << value;
            }
            text << " " << looks;
            answer = text.str();
        } else {
            answer = "what?";
        }
        std::printf("%s\n", answer.c_str());
        std::fflush(stdout);
    }
    for (const Instance& it : instances) {
        stop(it.plugin);
        it.plugin->destroy(it.plugin);
    }
    entry->deinit();
    std::fclose(out);
    return 0;
}
