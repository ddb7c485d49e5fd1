// One plug-in for all tests. What it does, the name of its bundle says: copies of one binary are a gain, a gain that
// is late, and some that crash or hang. Built once for stereo and once for mono.
#include "DistrhoPlugin.hpp"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <dlfcn.h>
#include <unistd.h>

START_NAMESPACE_DISTRHO

static bool isNamed(const char* word)
{
    Dl_info info;
    return dladdr(reinterpret_cast<const void*>(&isNamed), &info) != 0 && std::strstr(info.dli_fname, word) != nullptr;
}

static void crash()
{
    volatile int* nowhere = nullptr;
    *nowhere = 1;
}

class TestPlugin : public Plugin
{
public:
    TestPlugin() : Plugin(3, 0, 1)
    {
        if (isNamed("CrashLoading.vst3"))
            crash();
        while (isNamed("HangLoading.vst3"))
            sleep(1);
        if (isNamed("Late.vst3"))
            length = 300.0f;
        resize();
    }

protected:
    const char* getLabel() const override { return "CuevoxTest"; }
    const char* getMaker() const override { return "Cuevox"; }
    const char* getLicense() const override { return "GPL-3.0-or-later"; }
    uint32_t getVersion() const override { return d_version(1, 0, 0); }
    int64_t getUniqueId() const override { return d_cconst('t', 's', 't', 's'); }

    const char* getName() const override
    {
        return isNamed("Late.vst3") ? "Test Late"
             : isNamed("CrashProcessing.vst3") ? "Test Crash Processing"
             : isNamed("Mono.vst3") ? "Test Mono"
             : isNamed("Learning.vst3") ? "Test Learning"
                                    : "Test Gain";
    }

    void initParameter(uint32_t index, Parameter& parameter) override
    {
        parameter.hints = kParameterIsAutomatable;
        if (index == 0) {
            parameter.name = "Gain";
            parameter.symbol = "gain";
            parameter.unit = "dB";
            parameter.ranges.min = -60.0f;
            parameter.ranges.max = 24.0f;
        } else if (index == 1) {
            parameter.name = "Length";
            parameter.symbol = "length";
            parameter.unit = "frames";
            parameter.hints |= kParameterIsInteger;
            parameter.ranges.max = 4800.0f;
            parameter.ranges.def = isNamed("Late.vst3") ? 300.0f : 0.0f;
        } else {
            parameter.name = "Fuse";
            parameter.symbol = "fuse";
            parameter.hints |= kParameterIsBoolean;
            parameter.ranges.max = 1.0f;
        }
    }

    float getParameterValue(uint32_t index) const override { return index == 0 ? gain : index == 1 ? length : fuse; }

    void setParameterValue(uint32_t index, float value) override
    {
        if (index == 0)
            gain = value;
        else if (index == 2)
            fuse = value;
        else if (value != length) {
            length = value;
            resize();
        }
    }

    void initState(uint32_t, State& state) override
    {
        state.key = "heard";
        state.defaultValue = "0";
    }

    void setState(const char*, const char* value) override { heard = std::atol(value); }
    String getState(const char*) const override { return String(static_cast<int>(heard)); }

    void run(const float** inputs, float** outputs, uint32_t frames) override
    {
        if (fuse > 0.5f && isNamed("CrashProcessing.vst3"))
            crash();
        for (uint32_t i = 0; i < frames && isNamed("Learning.vst3"); ++i)
            heard += std::fabs(inputs[0][i]) > 0.001f; // no parameter tells: only its state
        const float factor = std::pow(10.0f, gain / 20.0f);
        const size_t size = lines[0].size();
        for (uint32_t i = 0; i < frames; ++i) {
            for (int channel = 0; channel < CHANNELS; ++channel) {
                lines[channel][at] = inputs[channel][i];
                outputs[channel][i] = factor * lines[channel][(at + 1) % size];
            }
            at = (at + 1) % size;
        }
    }

private:
    void resize()
    {
        for (auto& line : lines)
            line.assign(static_cast<size_t>(length) + 1, 0.0f);
        at = 0;
        setLatency(static_cast<uint32_t>(length));
    }

    float gain = 0.0f, length = 0.0f, fuse = 0.0f;
    std::vector<float> lines[CHANNELS];
    size_t at = 0;
    long heard = 0;

    DISTRHO_DECLARE_NON_COPYABLE_WITH_LEAK_DETECTOR(TestPlugin)
};

Plugin* createPlugin()
{
    return new TestPlugin();
}

END_NAMESPACE_DISTRHO
