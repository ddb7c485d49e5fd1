-- @description Cuevox: GO
-- @noindex
-- ISC licence; see LICENSE beside the scripts.

local folder = ({ reaper.get_action_context() })[2]:match("^(.*[/\\])")
package.path = folder .. "?.lua;" .. package.path
require("lib_engine").send_once("/go")
