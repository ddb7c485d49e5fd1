-- Following the play cursor, and firing cues where regions and markers say so.
-- Reaper runs scripts some thirty times a second: so cues are sent ahead, with the time that is left until they are due.
-- ISC licence; see LICENSE beside the scripts.

local engine = require("lib_engine")
local marks = require("lib_marks")
local story = require("lib_story")

local M = {}

local AHEAD_SECONDS = 0.15
local JUMP_SECONDS = 0.08
local CHASE_SECONDS = 1 -- so often the engine is told where Reaper is: it puts right what has drifted away

local Follower = {}
Follower.__index = Follower

-- options.transport: the story's timeline follows; options.cues: regions and markers fire cues.
function M.new(mailbox, options)
  return setmetatable({ mailbox = mailbox, options = options, playing = false, sent_to = nil, due = {} }, Follower)
end

-- What lies in (from, to] of the project: where, and what it sends.
local function fired_between(from, to)
  local found = {}
  for _, each in ipairs(marks.firing()) do
    if each.at > from and each.at <= to then found[#found + 1] = each end
  end
  return found
end

function Follower:locate(position, playing)
  if not self.options.transport then return end
  local at = position - (story.origin() or 0)
  self.before_start = playing and at < 0
  self.mailbox:send("/transport/locate " .. engine.number(math.max(at, 0)))
  if self.before_start then
    self.mailbox:send("/transport/stop")
  elseif playing then
    self.mailbox:send("/transport/play")
  end
  self.told_place = self.now
end

-- Two clocks drift apart, and an engine that was started again knows nothing: tell it now and then where Reaper is.
function Follower:chase(position, playing, rate)
  local at = position - (story.origin() or 0)
  if not self.options.transport or rate ~= 1 or self.before_start then return end
  if self.now - (self.told_place or self.now) < CHASE_SECONDS then return end
  self.told_place = self.now
  self.mailbox:send("/transport/chase " .. engine.number(math.max(at, 0)) .. (playing and " 1" or " 0"))
end

-- Have the story begin when the cursor comes to its start.
function Follower:begin_story(position, rate)
  local left = ((story.origin() or 0) - position) / rate
  if not self.before_start or left > AHEAD_SECONDS then return end
  self.before_start = false
  self.mailbox:send("/at " .. engine.number(math.max(left, 0)) .. " /transport/play")
  self.due["/transport/play"] = position + left * rate
end

-- Take back what was sent ahead and is not due yet.
function Follower:forget(position)
  for address, at in pairs(self.due) do
    if at > position then self.mailbox:send("/clearsched " .. address) end
  end
  self.due = {}
end

function Follower:send_cues(position, rate)
  if not self.options.cues then return end
  local to = position + AHEAD_SECONDS * rate
  for _, each in ipairs(fired_between(self.sent_to, to)) do
    local wait = math.max(each.at - position, 0) / rate
    self.mailbox:send("/at " .. engine.number(wait) .. " " .. each.address)
    self.due[each.address] = each.at
  end
  self.sent_to = to
end

-- One turn. position: of the play cursor, or of the edit cursor while Reaper rests.
function Follower:turn(now, playing, position, rate)
  local jumped = false
  if self.playing and playing then
    local expected = self.position + (now - self.now) * rate
    jumped = math.abs(position - expected) > JUMP_SECONDS
  end
  self.now = now
  self.told_place = self.told_place or now
  if playing and (not self.playing or jumped) then
    self:forget(self.position or position)
    self.sent_to = position - 1e-9 -- a region that begins right here is fired
    self:locate(position, true)
  elseif not playing and self.playing then
    self:forget(self.position)
    if self.options.transport then self.mailbox:send("/transport/stop") end
  elseif not playing and self.position and math.abs(position - self.position) > 1e-6 then
    self:locate(position, false)
  end
  if self.options.transport and not self.following and self.position then self:locate(position, playing) end
  self.following = self.options.transport
  self.playing, self.position = playing, position
  self:chase(position, playing, rate)
  if not playing then return end
  self:begin_story(position, rate)
  self:send_cues(position, rate)
end

-- Whatever the engine refuses is told, once for each text.
function Follower:listen()
  for _, line in ipairs(self.mailbox:receive()) do
    local text = engine.said(line) or line:match('^/reply/.*"error".*')
    if text then
      self.told = self.told or {}
      if not self.told[text] then engine.log(text) end
      self.told[text] = true
    end
  end
end

-- Run until the script is ended.
function M.run(name, options)
  local _, _, section, command = reaper.get_action_context()
  if reaper.set_action_options then reaper.set_action_options(1) end -- started again, it ends
  local mailbox = engine.open_mailbox(name)
  local follower = M.new(mailbox, options)
  reaper.SetToggleCommandState(section, command, 1)
  reaper.RefreshToolbar2(section, command)
  reaper.atexit(function()
    if follower.position then follower:forget(follower.position) end
    mailbox:close()
    reaper.SetToggleCommandState(section, command, 0)
    reaper.RefreshToolbar2(section, command)
  end)
  local function loop()
    local playing = reaper.GetPlayState() & 3 == 1 -- playing or recording, and not paused
    local position = playing and reaper.GetPlayPosition() or reaper.GetCursorPosition()
    follower:turn(reaper.time_precise(), playing, position, reaper.Master_GetPlayRate(0))
    follower:listen()
    reaper.defer(loop)
  end
  loop()
end

return M
