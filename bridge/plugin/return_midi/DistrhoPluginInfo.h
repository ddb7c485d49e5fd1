// SPDX-License-Identifier: ISC
#pragma once

#define DISTRHO_PLUGIN_BRAND "Cuevox"
#define DISTRHO_PLUGIN_BRAND_ID Cuvx
#define DISTRHO_PLUGIN_NAME "Cuevox Return MIDI"
#define DISTRHO_PLUGIN_UNIQUE_ID cvxm
#define DISTRHO_PLUGIN_URI "urn:cuevox:return-midi"
#define DISTRHO_PLUGIN_CLAP_ID "org.cuevox.return-midi"
#define DISTRHO_PLUGIN_WANT_MIDI_INPUT 1

#include "../shared_info.h"
