-- @description Cuevox: import a story's export at the edit cursor, or refresh it
-- @noindex
-- ISC licence; see LICENSE beside the scripts.

local folder = ({ reaper.get_action_context() })[2]:match("^(.*[/\\])")
package.path = folder .. "?.lua;" .. package.path
local engine, story = require("lib_engine"), require("lib_story")

local path = story.ask()
if path then
  local count, why = story.take(path)
  if not count then return engine.tell(why) end
  engine.tell(story.told(count))
end
