// SPDX-License-Identifier: ISC
// Cuevox Return: a bus of the engine as a DAW's track. The DAW is the clock; see protocol.h for how it asks.
#pragma once

#include "DistrhoPlugin.hpp"

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "client.hpp"

START_NAMESPACE_DISTRHO

class CuevoxReturn : public Plugin {
public:
    enum Parameter : uint32_t {
        kBus, kTransport, kLatency, kPassGain, kOffline, kStatus, kMisses, kRate, kFailed, kParameters
    };
    static_assert(kOffline == CUEVOX_PARAMETER_OFFLINE && kFailed == CUEVOX_PARAMETER_FAILED, "fix_dpf.py goes by them");
    enum Transport { kFollow, kFree, kFromStart };
    struct Range {
        float low, high, usual;
    };
    static constexpr Range kRanges[kParameters] = {
        {0, cuevox::kBuses - 1, 0}, {kFollow, kFromStart, kFollow}, {0, 4, 2}, {-60, 12, 0}, {0, 1, 0},
        {0, 7, 5}, {0, 1000000, 0}, {0, 384000, 0}, {0, 1, 0},
    };

    CuevoxReturn() : Plugin(kParameters, 0, 1), name_(cuevox::link_name()), instance_(cuevox::monotonic_ns())
    {
        instance_ ^= static_cast<uint64_t>(reinterpret_cast<uintptr_t>(this)) << 16;
        const char* const wake = std::getenv("CUEVOX_DAW_WAKE");
        wakes_ = wake == nullptr || std::atoi(wake) != 0;
        setLatency(wanted_latency());
        helper_ = std::thread([this] { help(); });
    }

    ~CuevoxReturn() override
    {
        quits_ = true;
        helper_.join();
        exchange(nullptr);
    }

protected:
    const char* getLabel() const override { return "CuevoxReturn"; }
    const char* getDescription() const override { return "A bus of the Cuevox engine, in step with the DAW."; }
    const char* getMaker() const override { return "Cuevox"; }
    const char* getLicense() const override { return "ISC"; }
    uint32_t getVersion() const override { return d_version(0, 1, 0); }
    int64_t getUniqueId() const override
    {
        return DISTRHO_PLUGIN_WANT_MIDI_INPUT ? d_cconst('c', 'v', 'x', 'm') : d_cconst('c', 'v', 'x', 'r');
    }

    void initParameter(uint32_t index, DISTRHO_NAMESPACE::Parameter& it) override
    {
        switch (index) {
        case kBus:
            describe(it, kBus, "Bus", "bus");
            break;
        case kTransport:
            describe(it, kTransport, "Transport", "transport");
            enumerate(it, {"Follow the DAW", "Free run", "From the start"});
            break;
        case kLatency:
            describe(it, kLatency, "Blocks of latency", "latency_blocks");
            break;
        case kPassGain:
            describe(it, kPassGain, "Input", "input_gain");
            it.hints = kParameterIsAutomatable;
            it.unit = "dB";
            break;
        case kOffline:
            describe(it, kOffline, "Offline", "offline");
            it.hints = kParameterIsBoolean | kParameterIsInteger;
            break;
        case kStatus:
            describe(it, kStatus, "Status", "status");
            it.hints |= kParameterIsOutput;
            enumerate(it, {"Connected", "Another sample rate", "Another host plays", "Another track is elsewhere",
                           "No such bus", "No engine", "Another version", "No slot free"});
            break;
        case kMisses:
            describe(it, kMisses, "Missed blocks", "misses");
            it.hints |= kParameterIsOutput;
            break;
        case kRate:
            describe(it, kRate, "Engine's rate", "engine_rate");
            it.hints |= kParameterIsOutput;
            it.unit = "Hz";
            break;
        case kFailed:
            describe(it, kFailed, "Bounce failed", "bounce_failed");
            it.hints |= kParameterIsOutput | kParameterIsBoolean;
            break;
        }
    }

    // A bus by its name in the engine, as it is now; by its id while that can't be had.
    bool getParameterText(uint32_t index, float value, String& text) const override
    {
        if (index != kBus)
            return false;
        const uint32_t bus = static_cast<uint32_t>(std::lround(value));
        std::string name = bus_name(bus);
        if (bus == whole(kBus)) {
            const std::lock_guard<std::mutex> guard(bus_lock_);
            if ((name.empty() || is_gone_) && !turned_)
                name = bus_id_;
        }
        text = String(name.c_str());
        return !name.empty();
    }

    uint32_t getParameterTexts() const override { return texts_.load(std::memory_order_relaxed); }

    float getParameterValue(uint32_t index) const override { return values_[index].load(std::memory_order_relaxed); }

    void setParameterValue(uint32_t index, float value) override
    {
        if (is_number(value))
            take(index, std::min(std::max(value, kRanges[index].low), kRanges[index].high));
    }

    void take(uint32_t index, float value)
    {
        if (index == kBus && std::lround(value) == restored_.exchange(-1))
            return;  // it came with the id, and says less
        values_[index].store(value, std::memory_order_relaxed);
        if (index == kBus)
            turned_ = true;
        if (index == kLatency)
            tell_latency();
    }

    // By its bits: what DPF sets for the compiler has it take every float for one.
    static bool is_number(float value)
    {
        uint32_t bits;
        std::memcpy(&bits, &value, sizeof bits);
        return (bits & 0x7f800000u) != 0x7f800000u;
    }

    void initState(uint32_t, State& state) override
    {
        state.key = "bus";
        state.label = "Bus";
        state.defaultValue = "";
    }

    // The bus by its id, and the number that it had: numbers may mean something else when the session is opened again.
    void setState(const char*, const char* value) override
    {
        restore_bus(value);
        settle_bus();
    }

    void restore_bus(const std::string& state)
    {
        const std::lock_guard<std::mutex> guard(bus_lock_);
        const size_t colon = state.find(':');
        bus_id_ = state.substr(0, colon);
        wants_id_ = !bus_id_.empty();
        restored_ = -1;
        if (colon == std::string::npos)
            return;
        const int number = std::min(std::max(std::atoi(state.c_str() + colon + 1), 0), static_cast<int>(cuevox::kBuses) - 1);
        if (number == static_cast<int>(whole(kBus)))
            return;
        restored_ = number;  // hosts tell the parameters before this or after it
        values_[kBus].store(static_cast<float>(number), std::memory_order_relaxed);
    }

    String getState(const char*) const override
    {
        settle_bus();
        const std::lock_guard<std::mutex> guard(bus_lock_);
        if (turned_ || bus_id_.empty())
            return String("");  // chosen while no engine could say what it is
        return String((bus_id_ + ":" + std::to_string(whole(kBus))).c_str());
    }

    void activate() override
    {
        frames_ = 0;
        gain_ = pass_gain();
        is_active_ = false;
        {
            const std::lock_guard<std::mutex> guard(connect_lock_);
            exchange(nullptr);
            connect();
        }
        settle_bus();
        tell_latency();
        is_active_ = true;
    }

    void deactivate() override
    {
        is_active_ = false;
        const std::lock_guard<std::mutex> guard(connect_lock_);
        exchange(nullptr);
    }

    void bufferSizeChanged(uint32_t) override { tell_latency(); }

#if DISTRHO_PLUGIN_WANT_MIDI_INPUT
    void run(const float** in, float** out, uint32_t frames, const MidiEvent* notes, uint32_t count) override
    {
        busy_.store(true);
        fill(client_.load(), in, out, frames, notes, count);
        busy_.store(false);
    }
#else
    void run(const float** in, float** out, uint32_t frames) override
    {
        busy_.store(true);
        fill(client_.load(), in, out, frames);
        busy_.store(false);
    }
#endif

private:
    static constexpr uint32_t kPieceFrames = 1024;
    static constexpr uint32_t kHelpMs = 100;

    // ---- in the audio thread

    void fill(cuevox::Client* client, const float** in, float** out, uint32_t frames,
              const MidiEvent* notes = nullptr, uint32_t count = 0)
    {
        if (client != nullptr) {
            client->set_bus(is_gone_.load(std::memory_order_relaxed) ? cuevox::kBuses : whole(kBus));
            client->set_latency(wanted_latency());
            tell_latency(client);
        }
        const cuevox::Request about = describe_block(frames);
        if (client == nullptr) {
            pass(in, out, frames);
        } else {
            float left[kPieceFrames], right[kPieceFrames];
            const bool ahead = whole(kLatency) == 0 && (about.flags & cuevox::kOffline) == 0;
            client->turn(about, ahead);
            for (uint32_t index = 0; index < count; ++index)
                if (notes[index].size <= MidiEvent::kDataSize)
                    client->note(notes[index].frame, notes[index].data, notes[index].size);
            client->ask(about, frames, ahead);
            for (uint32_t done = 0; done < frames; done += kPieceFrames) {
                const uint32_t piece = std::min(frames - done, kPieceFrames);
                client->read(left, right, piece);
                mix(in, out, done, piece, left, right);
            }
            client->end();
        }
        tell_status(client);
    }

    cuevox::Request describe_block(uint32_t frames)
    {
        cuevox::Request about = {};
        const TimePosition& position = getTimePosition();
        about.asked_ns = cuevox::monotonic_ns();
        if (whole(kOffline) != 0)
            about.flags |= cuevox::kOffline;
        if (whole(kTransport) == kFromStart) {
            about.flags |= cuevox::kPlaying;
            about.timeline_frame = frames_;
        } else {
            if (position.playing)
                about.flags |= cuevox::kPlaying;
            if (whole(kTransport) == kFree)
                about.flags |= cuevox::kFree;
            about.timeline_frame = static_cast<int64_t>(position.frame);  // hosts roll in from before 0
        }
        frames_ += frames;
        if (position.loop.valid) {
            about.flags |= cuevox::kLoop;
            about.loop_start = position.loop.start;
            about.loop_end = position.loop.end;
        }
        if (position.bbt.valid) {
            about.flags |= cuevox::kTempo | cuevox::kBar;
            about.tempo_bpm = position.bbt.beatsPerMinute;
            about.beats_per_bar = position.bbt.beatsPerBar;
            about.beat_type = position.bbt.beatType;
            about.bar = position.bbt.bar - 1;
            about.beat = position.bbt.beat - 1 + position.bbt.tick / position.bbt.ticksPerBeat;
        }
        return about;
    }

    void pass(const float** in, float** out, uint32_t frames)
    {
        for (uint32_t index = 0; index < frames; ++index) {
            gain_ += step_gain();
            const float left = in[0][index] * gain_, right = in[1][index] * gain_;
            out[0][index] = left;
            out[1][index] = right;
        }
    }

    void mix(const float** in, float** out, uint32_t from, uint32_t frames, const float* left, const float* right)
    {
        for (uint32_t index = 0; index < frames; ++index) {
            gain_ += step_gain();
            const float first = in[0][from + index] * gain_ + left[index];
            const float second = in[1][from + index] * gain_ + right[index];
            out[0][from + index] = first;
            out[1][from + index] = second;
        }
    }

    // A knob that is turned is followed within a few milliseconds, without a step.
    float step_gain() const
    {
        const float way = pass_gain_ - gain_;
        return std::abs(way) < 1e-5f ? way : way * 0.005f;
    }

    float pass_gain() const
    {
        const float gain_db = getParameterValue(kPassGain);
        return gain_db <= -60.0f ? 0.0f : std::abs(gain_db) < 0.01f ? 1.0f : std::pow(10.0f, gain_db / 20.0f);
    }

    void tell_status(const cuevox::Client* client)
    {
        const cuevox::Link link = client != nullptr ? client->link() : why_.load(std::memory_order_relaxed);
        values_[kStatus].store(static_cast<float>(static_cast<int>(link)), std::memory_order_relaxed);
        if (client != nullptr) {
            const uint64_t misses = client->misses();
            values_[kMisses].store(static_cast<float>(std::min<uint64_t>(misses, 1000000)), std::memory_order_relaxed);
            values_[kRate].store(static_cast<float>(client->engine_rate()), std::memory_order_relaxed);
        }
        pass_gain_ = pass_gain();
        tell_failure(client, link);
    }

    // Sound that is missing from a bounce, until another one begins.
    void tell_failure(const cuevox::Client* client, cuevox::Link link)
    {
        const bool is_offline = whole(kOffline) != 0;
        const uint64_t misses = client != nullptr ? client->misses() : 0;
        if (!is_offline || !was_offline_) {
            missed_before_ = misses;
            has_failed_ = false;
        }
        was_offline_ = is_offline;
        has_failed_ = has_failed_ || (is_offline && (link == cuevox::Link::kAbsent || misses > missed_before_));
        values_[kFailed].store(has_failed_ ? 1.0f : 0.0f, std::memory_order_relaxed);
    }

    // ---- in any thread

    uint32_t whole(Parameter index) const { return static_cast<uint32_t>(std::lround(getParameterValue(index))); }

    uint32_t wanted_latency() const { return std::min(whole(kLatency) * getBufferSize(), cuevox::kMaxLatencyFrames); }

    void tell_latency(const cuevox::Client* client = nullptr)
    {
        if (client != nullptr)
            mixer_latency_ = client->mixer_latency_frames(whole(kBus));
        setLatency(wanted_latency() + mixer_latency_);
    }

    static void describe(DISTRHO_NAMESPACE::Parameter& it, Parameter index, const char* name, const char* symbol)
    {
        it.name = name;
        it.symbol = symbol;
        it.hints = kParameterIsInteger;
        it.ranges.min = kRanges[index].low;
        it.ranges.max = kRanges[index].high;
        it.ranges.def = kRanges[index].usual;
    }

    static void enumerate(DISTRHO_NAMESPACE::Parameter& it, std::initializer_list<const char*> labels)
    {
        ParameterEnumerationValue* const values = new ParameterEnumerationValue[labels.size()];
        uint8_t count = 0;
        for (const char* const label : labels) {
            values[count].value = count;
            values[count++].label = label;
        }
        it.enumValues.count = count;
        it.enumValues.values = values;
        it.enumValues.restrictedMode = true;
    }

    // ---- in the host's main thread and the helper's

    void connect()
    {
        cuevox::Link why;
        const cuevox::Wanted wanted = {instance_, whole(kBus), static_cast<uint32_t>(std::lround(getSampleRate())),
                                       getBufferSize(), wanted_latency(), DISTRHO_PLUGIN_WANT_MIDI_INPUT != 0, wakes_};
        std::unique_ptr<cuevox::Client> client = cuevox::Client::connect(name_, wanted, why);
        why_.store(why, std::memory_order_relaxed);
        if (client == nullptr)
            return;
        mixer_latency_ = client->mixer_latency_frames(wanted.bus);
        exchange(client.release());
    }

    std::string bus_name(uint32_t bus) const
    {
        const std::lock_guard<std::mutex> connected(connect_lock_);
        const cuevox::Client* const client = client_.load();
        if (client == nullptr)
            return cuevox::Client::bus_name(name_, bus);
        return client->is_served() ? client->bus_name(bus) : "";
    }

    // Have the host show names anew when the engine has told others, and which bus is chosen.
    void look_for_names()
    {
        const std::lock_guard<std::mutex> connected(connect_lock_);
        const cuevox::Client* const client = client_.load();
        const std::pair<uint64_t, int> shown(client != nullptr ? client->names() : 0, whole(kBus));
        if (shown != shown_)
            texts_.fetch_add(1, std::memory_order_relaxed);
        shown_ = shown;
    }

    // Give the audio thread another client; the one before is freed once no block is under way.
    void exchange(cuevox::Client* client)
    {
        cuevox::Client* const before = client_.exchange(client);
        while (before != nullptr && busy_.load())
            cuevox::sleep_ms(1);
        delete before;
    }

    // Keep the bus's id and its number the same thing: a number that is chosen says which id, and from then on the id
    // says which number. What has left the story is not followed by whatever takes its number.
    void settle_bus() const
    {
        const std::lock_guard<std::mutex> connected(connect_lock_);
        const cuevox::Client* const client = client_.load();
        if (client == nullptr || !client->is_served())
            return;
        const std::lock_guard<std::mutex> guard(bus_lock_);
        float value = values_[kBus].load();
        const int number = static_cast<int>(std::lround(value));
        const bool is_chosen = turned_.exchange(false) || bus_id_.empty() || number != number_;
        if (is_chosen && !wants_id_) {
            bus_id_ = client->bus_id(static_cast<uint32_t>(number));
            number_ = number;
            missed_ = 0;
        } else {
            const bool stays = client->bus_id(static_cast<uint32_t>(number)) == bus_id_;
            const int found = stays ? number : client->find_bus(bus_id_);
            number_ = found < 0 ? number : found;
            missed_ = found < 0 ? missed_ + 1 : 0;
            if (number_ != number)
                values_[kBus].compare_exchange_strong(value, static_cast<float>(number_));  // unless it is turned just now
        }
        wants_id_ = false;
        is_gone_ = missed_ > 1;  // once may be while the engine writes the names
    }

    void help()
    {
        while (!quits_) {
            for (uint32_t waited = 0; waited < kHelpMs && !quits_; waited += 10)
                cuevox::sleep_ms(10);
            if (quits_ || !is_active_)
                continue;
            {
                const std::lock_guard<std::mutex> guard(connect_lock_);
                const cuevox::Client* const client = client_.load();
                if (is_active_ && (client == nullptr || client->is_replaced(name_)))
                    connect();
            }
            settle_bus();
            look_for_names();
        }
    }

    mutable std::atomic<float> values_[kParameters] = {0.0f, 0.0f, 2.0f, 0.0f, 0.0f, 5.0f, 0.0f, 0.0f, 0.0f};
    std::string name_;
    uint64_t instance_;
    bool wakes_ = true;
    std::atomic<cuevox::Client*> client_{nullptr};
    std::atomic<bool> busy_{false}, is_active_{false}, quits_{false};
    mutable std::atomic<bool> turned_{false};   // the bus, since its id was looked up
    mutable std::atomic<bool> is_gone_{false};  // there is no bus of that id
    std::atomic<long> restored_{-1};            // the number that a state told, until the host has told it too
    std::atomic<cuevox::Link> why_{cuevox::Link::kAbsent};
    std::atomic<uint32_t> mixer_latency_{0};
    std::atomic<uint32_t> texts_{0};            // so often the host should have looked at them
    std::pair<uint64_t, int> shown_{0, 0};
    int64_t frames_ = 0;      // since it was activated
    float gain_ = 1.0f, pass_gain_ = 1.0f;
    uint64_t missed_before_ = 0;
    bool was_offline_ = false, has_failed_ = false;
    mutable std::mutex connect_lock_, bus_lock_;
    mutable std::string bus_id_;
    mutable bool wants_id_ = false;  // the id says which bus, once an engine knows it
    mutable int number_ = 0;         // that goes with the id
    mutable uint32_t missed_ = 0;    // so often it was not found
    std::thread helper_;
};

Plugin* createPlugin() { return new CuevoxReturn(); }

END_NAMESPACE_DISTRHO
