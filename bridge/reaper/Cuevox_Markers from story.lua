-- @description Cuevox: bring the story's markers and regions into the project
-- @noindex
-- ISC licence; see LICENSE beside the scripts.

local folder = ({ reaper.get_action_context() })[2]:match("^(.*[/\\])")
package.path = folder .. "?.lua;" .. package.path
local engine, marks, story = require("lib_engine"), require("lib_marks"), require("lib_story")

local path = story.ask()
if path then
  local count, why = marks.take(path)
  if not count then return engine.tell(why) end
  engine.tell(count.new .. " new, " .. count.moved .. " moved.")
end
