-- @description Cuevox: regions and markers named cue, slot or snapshot fire them (toggle)
-- @noindex
-- ISC licence; see LICENSE beside the scripts.

local folder = ({ reaper.get_action_context() })[2]:match("^(.*[/\\])")
package.path = folder .. "?.lua;" .. package.path
require("lib_follow").run("cues", { cues = true })
