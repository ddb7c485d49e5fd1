-- Reading a Reaper project's text: elements with their lines, so that they can be given to Reaper changed.
-- ISC licence; see LICENSE beside the scripts.

local M = {}

local Element = {}
Element.__index = Element

-- The words of a line; a word is in any of three quotes where it holds spaces.
function M.words(line)
  local words, at = {}, 1
  while true do
    local first = line:find("%S", at)
    if not first then return words end
    local mark = line:sub(first, first)
    if mark == '"' or mark == "'" or mark == "`" then
      local last = line:find(mark, first + 1, true) or #line + 1
      words[#words + 1] = line:sub(first + 1, last - 1)
      at = last + 1
    else
      local last = line:find("%s", first) or #line + 1
      words[#words + 1] = line:sub(first, last - 1)
      at = last + 1
    end
  end
end

function M.quoted(text)
  for _, mark in ipairs({ '"', "'", "`" }) do
    if not text:find(mark, 1, true) then return mark .. text .. mark end
  end
  return "`" .. text:gsub("`", "'") .. "`"
end

-- The project that a text tells, or nil and why not.
function M.parse(text)
  local stack, root = {}, nil
  for raw in (text .. "\n"):gmatch("(.-)\r?\n") do
    local line = raw:match("^%s*(.-)%s*$")
    local parent = stack[#stack]
    if line:sub(1, 1) == "<" then
      local element = setmetatable({ head = line:sub(2), name = line:match("^<(%S*)"), lines = {} }, Element)
      if parent then parent.lines[#parent.lines + 1] = element else root = root or element end
      stack[#stack + 1] = element
    elseif line == ">" then
      stack[#stack] = nil
    elseif parent and line ~= "" then
      parent.lines[#parent.lines + 1] = line
    end
  end
  if not root or root.name ~= "REAPER_PROJECT" then return nil, "this is no Reaper project" end
  return root
end

function Element:each(name)
  local i = 0
  return function()
    while true do
      i = i + 1
      local line = self.lines[i]
      if line == nil then return nil end
      if type(line) == "table" and line.name == name then return line end
    end
  end
end

-- All lines of a key, as lists of words without the key.
function Element:all(key)
  local found = {}
  for _, line in ipairs(self.lines) do
    if type(line) == "string" and line:match("^(%S+)") == key then
      found[#found + 1] = M.words(line:sub(#key + 1))
    end
  end
  return found
end

function Element:value(key, index)
  local first = self:all(key)[1]
  return first and first[index or 1]
end

function Element:number(key, index, otherwise)
  return tonumber(self:value(key, index)) or otherwise
end

function Element:set(key, rest)
  for i, line in ipairs(self.lines) do
    if type(line) == "string" and line:match("^(%S+)") == key then
      self.lines[i] = key .. " " .. rest
      return
    end
  end
  table.insert(self.lines, 1, key .. " " .. rest)
end

function Element:text()
  local out = { "<" .. self.head }
  for _, line in ipairs(self.lines) do
    out[#out + 1] = type(line) == "table" and line:text() or line
  end
  out[#out + 1] = ">"
  return table.concat(out, "\n")
end

return M
