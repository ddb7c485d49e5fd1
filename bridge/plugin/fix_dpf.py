# SPDX-License-Identifier: ISC
"""What has to be changed in DPF 1.6 before the plug-ins are built with it. Each change says why."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from bridge.errors import BridgeError

INSTALLED = Path("/usr/share/dpf")
"""Where Debian's package dpf-source has it."""

VST3 = "distrho/src/DistrhoPluginVST3.cpp"
CLAP = "distrho/src/DistrhoPluginCLAP.cpp"
LV2 = "distrho/src/DistrhoPluginLV2export.cpp"
API = "distrho/DistrhoPlugin.hpp"
INTERNAL = "distrho/src/DistrhoPluginInternal.hpp"
VST = "distrho/src/DistrhoPluginVST.hpp"

Fix = tuple[str, str, str, str]
"""A file, why, what is there, what is put there."""

FIXES: tuple[Fix, ...] = (
    (
        API,
        "DPF's position has no loop; VST3 and CLAP tell one.",
        "    struct BarBeatTick {\n",
        "    struct Loop {\n"
        "        bool valid;\n"
        "        int64_t start; // frames\n"
        "        int64_t end;\n"
        "        Loop() noexcept : valid(false), start(0), end(0) {}\n"
        "    } loop;\n\n"
        "    struct BarBeatTick {\n",
    ),
    (
        API,
        "DPF knows texts of values that never change; buses have those that people give them, and give others.",
        "    virtual void setParameterValue(uint32_t index, float value);\n",
        "    virtual void setParameterValue(uint32_t index, float value);\n\n"
        "    virtual bool getParameterText(uint32_t, float, String&) const { return false; }\n\n"
        "    virtual uint32_t getParameterTexts() const { return 0; } // another number: look at them again\n",
    ),
    (
        INTERNAL,
        "The formats ask for them here, and which value has a text.",
        "    const ParameterEnumerationValues& getParameterEnumValues(const uint32_t index) const noexcept\n",
        "    bool getParameterText(const uint32_t index, const float value, String& text) const\n    {\n"
        "        return fPlugin != nullptr && fPlugin->getParameterText(index, value, text);\n    }\n\n"
        "    uint32_t getParameterTexts() const\n    {\n"
        "        return fPlugin != nullptr ? fPlugin->getParameterTexts() : 0;\n    }\n\n"
        "    template <typename Same>\n"
        "    bool findParameterText(const uint32_t index, const Same same, float& value) const\n    {\n"
        "        const ParameterRanges& ranges(getParameterRanges(index));\n"
        "        String text;\n"
        "        if (isParameterInteger(index))\n"
        "            for (value = ranges.min; value <= ranges.max; value += 1.f)\n"
        "                if (getParameterText(index, value, text) && same(text.buffer()))\n"
        "                    return true;\n"
        "        return false;\n    }\n\n"
        "    const ParameterEnumerationValues& getParameterEnumValues(const uint32_t index) const noexcept\n",
    ),
    (
        CLAP,
        "A text that the plug-in gives.",
        "        for (uint32_t i=0; i < enumValues.count; ++i)\n        {\n"
        "            if (d_isEqual(static_cast<double>(",
        "        String text;\n"
        "        if (fPlugin.getParameterText(param_id, static_cast<float>(value), text))\n        {\n"
        "            DISTRHO_NAMESPACE::strncpy(display, text, size);\n"
        "            return true;\n        }\n\n"
        "        for (uint32_t i=0; i < enumValues.count; ++i)\n        {\n"
        "            if (d_isEqual(static_cast<double>(",
    ),
    (
        CLAP,
        "And the value of one.",
        "        const bool isInteger = fPlugin.isParameterInteger(param_id);\n",
        "        const bool isInteger = fPlugin.isParameterInteger(param_id);\n\n"
        "        float found;\n"
        "        if (fPlugin.findParameterText(param_id, [display](const char* const text) {\n"
        "                return std::strcmp(display, text) == 0; }, found))\n        {\n"
        "            *value = found;\n"
        "            return true;\n        }\n",
    ),
    (
        CLAP,
        "A host looks at texts again when it is told, in its main thread.",
        "    void onMainThread()\n    {\n",
        "    uint32_t fCuevoxTexts = 0;\n"
        "    std::atomic<bool> fCuevoxTextsChanged{false};\n\n"
        "    void cuevoxLookAtTexts()\n    {\n"
        "        const uint32_t texts = fPlugin.getParameterTexts();\n"
        "        if (texts == fCuevoxTexts)\n            return;\n"
        "        fCuevoxTexts = texts;\n"
        "        fCuevoxTextsChanged = true;\n"
        "        fHost->request_callback(fHost);\n    }\n\n"
        "    void onMainThread()\n    {\n"
        "        if (fCuevoxTextsChanged.exchange(false) && fHostExtensions.params != nullptr)\n"
        "            fHostExtensions.params->rescan(fHost, CLAP_PARAM_RESCAN_VALUES|CLAP_PARAM_RESCAN_TEXT);\n",
    ),
    (
        CLAP,
        "For that.",
        "#include <map>\n",
        "#include <atomic>\n#include <map>\n",
    ),
    (
        VST3,
        "A text that the plug-in gives.",
        "        for (uint32_t i=0; i < enumValues.count; ++i)\n        {\n            if (d_isEqual(enumValues",
        "        String text;\n"
        "        if (fPlugin.getParameterText(index, value, text))\n        {\n"
        "            strncpy_utf16(output, text, 128);\n"
        "            return V3_OK;\n        }\n\n"
        "        for (uint32_t i=0; i < enumValues.count; ++i)\n        {\n            if (d_isEqual(enumValues",
    ),
    (
        VST3,
        "And the value of one.",
        "        for (uint32_t i=0; i < enumValues.count; ++i)\n        {\n            if (strcmp_utf16(input, ",
        "        float found;\n"
        "        if (fPlugin.findParameterText(index, [input](const char* const text) {\n"
        "                v3_str_128 wanted;\n"
        "                strncpy_utf16(wanted, text, 128);\n"
        "                return std::memcmp(wanted, input, 2 * (strlen_utf16(wanted) + 1)) == 0; }, found))\n"
        "        {\n"
        "            *output = ranges.getNormalizedValue(found);\n"
        "            return V3_OK;\n        }\n\n"
        "        for (uint32_t i=0; i < enumValues.count; ++i)\n        {\n            if (strcmp_utf16(input, ",
    ),
    (
        VST,
        "Letters beyond ASCII were left out, with nothing in their places.",
        "    if (const size_t len = std::min(std::strlen(src), length-1U))\n"
        "    {\n"
        "        for (size_t i=0; i<len; ++i)\n"
        "        {\n"
        "            // skip non-ascii chars, unsupported\n"
        "            if ((uint8_t)src[i] >= 0x80)\n"
        "                continue;\n\n"
        "            dst[i] = src[i];\n"
        "        }\n"
        "        dst[len] = 0;\n"
        "    }\n"
        "    else\n"
        "    {\n"
        "        dst[0] = 0;\n"
        "    }\n",
        "    size_t at = 0;\n"
        "    for (const uint8_t* from = reinterpret_cast<const uint8_t*>(src); *from != 0;)\n"
        "    {\n"
        "        const int more = *from < 0xc0 ? 0 : *from < 0xe0 ? 1 : *from < 0xf0 ? 2 : 3;\n"
        "        uint32_t code = more == 0 ? *from : *from & (0x3f >> more);\n"
        "        ++from;\n"
        "        for (int i=0; i<more && (*from & 0xc0) == 0x80; ++i)\n"
        "            code = code << 6 | (*from++ & 0x3f);\n"
        "        const bool isPair = code >= 0x10000;\n"
        "        if (at + isPair + 1 >= length)\n"
        "            break;\n"
        "        if (isPair)\n"
        "            dst[at++] = static_cast<int16_t>(0xd800 | ((code - 0x10000) >> 10));\n"
        "        dst[at++] = static_cast<int16_t>(isPair ? 0xdc00 | (code & 0x3ff) : code);\n"
        "    }\n"
        "    dst[at] = 0;\n",
    ),
    (
        VST3,
        "The host's process mode is not looked at: an offline bounce would not wait for the engine. And the loop.",
        "        if (data->nframes <= 0)\n        {\n            updateParametersFromProcessing(",
        "        fPlugin.setParameterValue(CUEVOX_PARAMETER_OFFLINE, data->process_mode == V3_OFFLINE ? 1.f : 0.f);\n\n"
        "        if (data->nframes <= 0)\n        {\n            updateParametersFromProcessing(",
    ),
    (
        VST3,
        "The loop is told in quarter notes; with one tempo those are frames.",
        "            fTimePosition.playing = ctx->state & V3_PROCESS_CTX_PLAYING;\n",
        "            fTimePosition.playing = ctx->state & V3_PROCESS_CTX_PLAYING;\n"
        "            fTimePosition.loop.valid = (ctx->state & V3_PROCESS_CTX_CYCLE_ACTIVE)\n"
        "                                    && (ctx->state & V3_PROCESS_CTX_CYCLE_VALID)\n"
        "                                    && (ctx->state & V3_PROCESS_CTX_TEMPO_VALID) && ctx->bpm > 0.0\n"
        "                                    && (ctx->state & V3_PROCESS_CTX_PROJECT_TIME_VALID);\n"
        "            if (fTimePosition.loop.valid)\n"
        "            {\n"
        "                const double framesPerQuarter = fPlugin.getSampleRate() * 60.0 / ctx->bpm;\n"
        "                fTimePosition.loop.start = std::llround(ctx->cycle_start_quarters * framesPerQuarter);\n"
        "                fTimePosition.loop.end = std::llround(ctx->cycle_end_quarters * framesPerQuarter);\n"
        "            }\n",
    ),
    (
        VST3,
        "A host tells the loop only when it is asked to.",
        "            | V3_PROCESS_CTX_NEED_TEMPO            // V3",
        "            | V3_PROCESS_CTX_NEED_CYCLE            // V3_PROCESS_CTX_CYCLE_VALID\n"
        "            | V3_PROCESS_CTX_NEED_TEMPO            // V3",
    ),
    (
        CLAP,
        "steady_time counts on for ever; the song's position is elsewhere. Rounded: cut off it wobbles by a frame.",
        "            fTimePosition.frame = process->steady_time >= 0 ? process->steady_time : 0;\n",
        "            if (transport->flags & CLAP_TRANSPORT_HAS_SECONDS_TIMELINE)\n"
        "                fTimePosition.frame = cuevoxFrames(transport->song_pos_seconds);\n"
        "            else if ((transport->flags & CLAP_TRANSPORT_HAS_BEATS_TIMELINE) && transport->tempo > 0)\n"
        "                fTimePosition.frame = static_cast<uint64_t>(std::llround(static_cast<double>(\n"
        "                    transport->song_pos_beats) / CLAP_BEATTIME_FACTOR * 60.0 / transport->tempo\n"
        "                    * fPlugin.getSampleRate()));\n"
        "            else\n"
        "                fTimePosition.frame = process->steady_time >= 0 ? process->steady_time : 0;\n\n"
        "            fTimePosition.loop.valid = (transport->flags & CLAP_TRANSPORT_IS_LOOP_ACTIVE)\n"
        "                                    && (transport->flags & CLAP_TRANSPORT_HAS_SECONDS_TIMELINE);\n"
        "            fTimePosition.loop.start = cuevoxFrames(transport->loop_start_seconds);\n"
        "            fTimePosition.loop.end = cuevoxFrames(transport->loop_end_seconds);\n",
    ),
    (
        CLAP,
        "The plug-in has to know whether the host renders offline.",
        "    bool process(const clap_process_t* const process)\n    {\n",
        "    bool fCuevoxOffline = false;\n\n"
        "    bool cuevoxFailed() const\n    {\n"
        "        return fCuevoxOffline && fPlugin.getParameterValue(CUEVOX_PARAMETER_FAILED) > 0.5f;\n    }\n\n"
        "    int64_t cuevoxFrames(const clap_sectime seconds) const\n    {\n"
        "        return std::llround(static_cast<double>(seconds) / CLAP_SECTIME_FACTOR * fPlugin.getSampleRate());\n"
        "    }\n\n"
        "    bool process(const clap_process_t* const process)\n    {\n"
        "        fPlugin.setParameterValue(CUEVOX_PARAMETER_OFFLINE, fCuevoxOffline ? 1.f : 0.f);\n"
        "        cuevoxLookAtTexts();\n",
    ),
    (
        CLAP,
        "A bounce in which sound is missing has failed, and the host can be told.",
        "    return instance->process(process) ? CLAP_PROCESS_CONTINUE : CLAP_PROCESS_ERROR;\n",
        "    const bool done = instance->process(process);\n"
        "    return done && !instance->cuevoxFailed() ? CLAP_PROCESS_CONTINUE : CLAP_PROCESS_ERROR;\n",
    ),
    (
        VST3,
        "The same.",
        "        return processor->vst3->process(data);\n",
        "        const v3_result result = processor->vst3->process(data);\n"
        "        return result == V3_OK && processor->vst3->cuevoxFailed() ? V3_INTERNAL_ERR : result;\n",
    ),
    (
        VST3,
        "Whether it has.",
        "    v3_result process(v3_process_data* const data)\n    {\n",
        "    bool fCuevoxOffline = false;\n\n"
        "    bool cuevoxFailed() const\n    {\n"
        "        return fCuevoxOffline && fPlugin.getParameterValue(CUEVOX_PARAMETER_FAILED) > 0.5f;\n    }\n\n"
        "    v3_result process(v3_process_data* const data)\n    {\n"
        "        fCuevoxOffline = data->process_mode == V3_OFFLINE;\n",
    ),
    (
        CLAP,
        "DPF has no render extension: the layout is that of clap/ext/render.h.",
        "static CLAP_ABI const void* clap_plugin_get_extension(",
        "struct CuevoxRender {\n"
        "    bool (CLAP_ABI* has_hard_realtime_requirement)(const clap_plugin_t*);\n"
        "    bool (CLAP_ABI* set)(const clap_plugin_t*, int32_t);\n"
        "};\n\n"
        "static CLAP_ABI bool cuevox_render_hard(const clap_plugin_t*) { return false; }\n\n"
        "static CLAP_ABI bool cuevox_render_set(const clap_plugin_t* const plugin, const int32_t mode)\n{\n"
        "    static_cast<PluginCLAP*>(plugin->plugin_data)->fCuevoxOffline = mode == 1;\n"
        "    return true;\n}\n\n"
        "static const CuevoxRender cuevox_render = { cuevox_render_hard, cuevox_render_set };\n\n"
        "static CLAP_ABI const void* clap_plugin_get_extension(",
    ),
    (
        CLAP,
        "And be asked for.",
        "    if (std::strcmp(id, CLAP_EXT_PARAMS) == 0)\n        return &clap_plugin_params;\n",
        "    if (std::strcmp(id, CLAP_EXT_PARAMS) == 0)\n        return &clap_plugin_params;\n"
        '    if (std::strcmp(id, "clap.render") == 0)\n        return &cuevox_render;\n',
    ),
    (
        CLAP,
        "A host without the latency extension crashed here when the plug-in was deactivated.",
        "                fLatencyChanged = false;\n                fHostExtensions.latency->changed(fHost);\n",
        "                fLatencyChanged = false;\n                if (fHostExtensions.latency != nullptr)\n"
        "                    fHostExtensions.latency->changed(fHost);\n",
    ),
    (
        CLAP,
        "And here.",
        "            fLatencyChanged = false;\n            fHostExtensions.latency->changed(fHost);\n",
        "            fLatencyChanged = false;\n            if (fHostExtensions.latency != nullptr)\n"
        "                fHostExtensions.latency->changed(fHost);\n",
    ),
    (
        LV2,
        "LV2 hosts tell that they render offline through a port of this designation; it is not for people.",
        "                if (! designated)\n",
        "                if (i == CUEVOX_PARAMETER_OFFLINE)\n"
        '                    pluginString += "        lv2:designation lv2:freeWheeling ;\\n"\n'
        '                                    "        lv2:portProperty <" LV2_PORT_PROPS__notOnGUI "> ;\\n";\n\n'
        "                if (! designated)\n",
    ),
    (
        LV2,
        "lv2_validate knows no such property of ports; `expensive` says what hosts go by.",
        '                        pluginString += "        lv2:portProperty <" LV2_PORT_PROPS__expensive "> ,\\n";\n'
        '                        pluginString += "                         '
        '<" LV2_KXSTUDIO_PROPERTIES__NonAutomatable "> ;\\n";\n',
        '                        pluginString += "        lv2:portProperty <" LV2_PORT_PROPS__expensive "> ;\\n";\n',
    ),
    (
        LV2,
        "Nor these of plug-ins, which are for one maker's pedals.",
        '        pluginString += "    mod:brand \\"" DISTRHO_PLUGIN_BRAND "\\" ;\\n";\n'
        '        pluginString += "    mod:label \\"" DISTRHO_PLUGIN_NAME "\\" ;\\n\\n";\n',
        "",
    ),
)


class NoDpf(BridgeError):
    """DPF is not there, or not the version that the changes are for."""

    code = "no_dpf"


def is_current(copy: Path) -> bool:
    """Whether a copy of DPF has these changes."""
    stamp = copy / _STAMP
    return stamp.exists() and stamp.read_text(encoding="utf-8") == _digest()


def fixed_copy(to: Path, source: Path = INSTALLED) -> None:
    """Lay a changed copy of DPF at ``to``, in place of what is there. Raises NoDpf, leaving that as it is."""
    if not (source / "Makefile.plugins.mk").exists():
        raise NoDpf(f"no DPF in {source}; it comes with Debian's package dpf-source")
    making = to.with_name(f"{to.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    making.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, making, ignore_dangling_symlinks=True)
    _fix(making)
    (making / _STAMP).write_text(_digest(), encoding="utf-8")
    shutil.rmtree(to, ignore_errors=True)
    making.rename(to)


_STAMP = "changes-of-cuevox"


def _digest() -> str:
    return hashlib.sha256(repr(FIXES).encode()).hexdigest()


def _fix(dpf: Path) -> None:
    texts = {name: (dpf / name).read_text(encoding="utf-8") for name in {file for file, *_ in FIXES}}
    for file, why, there, wanted in FIXES:
        if texts[file].count(there) != 1:
            raise NoDpf(f"{dpf / file} is not of DPF 1.6; can't change what is needed: {why}")
        texts[file] = texts[file].replace(there, wanted)
    for name, text in texts.items():
        (dpf / name).write_text(text, encoding="utf-8")
