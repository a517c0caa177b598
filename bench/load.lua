-- One request over and over, for wrk. BENCH_HEADERS has one header a line, BENCH_BODY names the body's file.
-- What came of it is printed as one line of JSON after "BENCH ".

wrk.method = "POST"
for name, value in os.getenv("BENCH_HEADERS"):gmatch("([^:\n]+): ([^\n]*)") do
  wrk.headers[name] = value
end
local file = assert(io.open(os.getenv("BENCH_BODY"), "rb"))
wrk.body = file:read("*a")
file:close()

function done(summary, latency)
  local e = summary.errors
  print(string.format(
    'BENCH {"requests":%d,"microseconds":%d,"bytes":%d,"failed":%d,"broken":%d,"p50":%d,"p99":%d}',
    summary.requests, summary.duration, summary.bytes, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
