// SPDX-License-Identifier: ISC
#pragma once

#define DISTRHO_PLUGIN_BRAND "Cuevox"
#define DISTRHO_PLUGIN_BRAND_ID Cuvx
#define DISTRHO_PLUGIN_NAME "Cuevox Return"
#define DISTRHO_PLUGIN_UNIQUE_ID cvxr
#define DISTRHO_PLUGIN_URI "urn:cuevox:return"
#define DISTRHO_PLUGIN_CLAP_ID "org.cuevox.return"
#define DISTRHO_PLUGIN_WANT_MIDI_INPUT 0

#include "../shared_info.h"
