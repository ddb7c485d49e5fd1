-- @description Cuevox: the story's timeline follows the play cursor (toggle)
-- @noindex
-- ISC licence; see LICENSE beside the scripts.

local folder = ({ reaper.get_action_context() })[2]:match("^(.*[/\\])")
package.path = folder .. "?.lua;" .. package.path
require("lib_follow").run("follow", { transport = true })
