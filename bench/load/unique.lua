-- POST a body that never comes twice, under a request id that never comes twice, in 64 different lengths.
-- Arguments: path, host, content type, file with what stands before the prompt, file with what stands after it.
local before, after, head
local count = 0

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

function init(args)
  head = "POST " .. args[1] .. " HTTP/1.1\r\nHost: " .. args[2] .. "\r\nContent-Type: " .. args[3] .. "\r\nX-Request-ID: bench-"
  before, after = read(args[4]), read(args[5])
end

function request()
  count = count + 1
  local prompt = count .. string.rep("x", count % 64)
  return head .. count .. "\r\nContent-Length: " .. (#before + #prompt + #after) .. "\r\n\r\n" .. before .. prompt .. after
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    "RESULT %d %d %d %.1f %.1f\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50), latency:percentile(99)))
end
