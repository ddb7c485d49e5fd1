// SPDX-License-Identifier: ISC
#include "../plugin.hpp"
