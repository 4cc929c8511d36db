# fibers_scenarios.cr - scenarios.c and idle.c once more, for Crystal's fibers.
#
# The argument is a scenario, which ends with 0 or says why not. Without arguments the scenarios are listed.
require "socket"
require "./fibers_echo"

lib LibC
  fun alarm(seconds : UInt32) : UInt32
end

SIZE   = ->(number : Int32) { number % 8 == 0 ? 1024 : 16 }
ENOUGH = 100 # ticks

def leave(client, fd)
  client.close fd
  client.free
end

def serve(expected, all_stay = true, quiet = false)
  service = Service.new(expected, all_stay)
  service.run { |event| service.serve event }
  service.free
end

# Without TX events: the client needs none.
def in_flight
  client = Client.new
  client.check LibIPC.ipc_ctx_quiet(client, 1_u32 << TX)
  fd, _ = client.open
  client.exchange(fd, 64, 5000, SIZE) { false }
  expect client.sent == 0, "no TX"
  leave client, fd
end

def large
  client = Client.new
  fd, _ = client.open
  client.exchange(fd, 8, 24, ->(number : Int32) { LARGEST }) { false }
  expect client.sent == 24, "each message is told, not #{client.sent}"
  leave client, fd
end

PEERS = 24
LIVES = 10

# Each fiber has ten lives; in each it leaves in another manner.
def live(client, life, path)
  case life % 5
  when 0, 1
    fd, arrivals = client.open
    client.exchange(fd, 3, 3, ->(number : Int32) { 40000 }) { false }
    return client.close fd if life % 5 == 0
    LibC.shutdown(fd, 1)
    expect arrivals.receive.nil?, "the service leaves, too"
  when 2
    fd, _ = client.open
    client.write fd, 'm', 0, 40000
    client.close fd
  when 3
    UNIXSocket.open(path) { |raw| raw.write Bytes[2, 0, 0, 0, 100, 0, 1] }
  else
    UNIXSocket.open(path) { |raw| raw.write Bytes[2, 255, 255, 255, 255, 0] }
  end
end

def come_and_go
  client, done = Client.new, Channel(Nil).new
  PEERS.times do |peer|
    start do
      LIVES.times { |life| live client, peer + life, "#{ENV["IPC_RUNDIR"]}/echo" }
      done.send nil
    end
  end
  PEERS.times { done.receive }
  client.free
end

def serve_ticking
  service = Service.new 1
  service.tick(1.milliseconds) { }
  service.run do |event|
    service.ticks = 0 if event.type == CONNECTION
    event.m.value.user_type = {service.ticks, ENOUGH}.min if event.type == MESSAGE
    service.serve event
  end
  service.free
end

# The traffic ends when both timers have ticked often enough.
def ticking
  client = Client.new
  client.tick(1.milliseconds) { }
  fd, _ = client.open
  client.exchange(fd, 64, Int32::MAX, SIZE) { |ticks| client.ticks >= ENOUGH && ticks.ord >= ENOUGH }
  leave client, fd
end

ROUNDS =  300
FLOOD  = 1000

# The thread waits at a pipe, because only fibers wait at channels.
def serve_beside_thread
  service = Service.new 1
  turns, turn = IO.pipe(read_blocking: true)
  receiver = 0
  writer = Thread.new do
    byte = 0_u8
    (ROUNDS + FLOOD).times do |i|
      LibC.read(turns.fd, pointerof(byte), 1) if i < ROUNDS
      service.write receiver, 't', i, 16
    end
  end
  service.answered += ROUNDS + FLOOD
  service.run do |event|
    receiver = event.origin if event.type == CONNECTION
    is_answer = event.type == MESSAGE && event.m.value.user_type == 'a'.ord
    turn.write Bytes[1] if event.type == CONNECTION || is_answer
    service.serve event unless is_answer
  end
  writer.join
  service.free
end

def beside_thread
  client = Client.new
  fd, arrivals = client.open
  (ROUNDS + FLOOD).times do |i|
    kind, bytes = arrivals.receive.not_nil!
    expect kind == 't' && Peer.message?(bytes, i, 16), "message #{i} of the thread"
    client.write fd, 'a', i, 16 if i < ROUNDS - 1
  end
  client.exchange(fd, 64, 1000, SIZE) { false }
  leave client, fd
end

# In ticks without an event, as in idle.c; then both meet.
def await_idle(peer)
  quiet = last = before = 0
  idle = Channel(Nil).new
  peer.tick(10.milliseconds) do
    quiet = peer.happened == last && last > 0 ? quiet + 1 : 0
    last = peer.happened
    expect peer.wakeups - before <= 4, "#{peer.wakeups - before} wake-ups for nothing" if quiet == 25
    before = peer.wakeups if quiet == 5 || quiet == 25
    idle.send nil if quiet == 50
  end
  idle.receive
  expect peer.wakeups == before, "#{peer.wakeups - before} wake-ups for nothing"
  Gate.meet
end

def serve_idle
  service = Service.new 1
  start { await_idle service }
  service.run { |event| service.serve event }
  service.free
end

def idle
  client = Client.new
  fd, _ = client.open
  client.exchange(fd, 1, 10, SIZE) { false }
  await_idle client
  leave client, fd
end

SCENARIOS = {
  "messages_in_flight_come_back_once_and_in_order" => {->{ serve 1 }, ->in_flight},
  "large_messages_wait_for_room"                   => {->{ serve 1 }, ->large},
  "peers_come_and_go"                              => {->{ serve PEERS * LIVES, false }, ->come_and_go},
  "a_timer_ticks_under_full_traffic"               => {->serve_ticking, ->ticking},
  "a_second_thread_writes"                         => {->serve_beside_thread, ->beside_thread},
  "an_idle_loop_sleeps"                            => {->serve_idle, ->idle},
}

# What runs longer hangs.
LibC.alarm(60_u32 * ENV.fetch("TEST_PATIENCE", "1").to_u32)
if ARGV.size == 0
  SCENARIOS.each_key { |name| puts name }
elsif ARGV.size == 2
  SCENARIOS[ARGV[0]][0].call
else
  service = Process.new(PROGRAM_NAME, [ARGV[0], "service"], input: :pipe, output: :pipe, error: :inherit)
  Gate.input, Gate.output = service.output, service.input
  Gate.meet
  SCENARIOS[ARGV[0]][1].call
  expect service.wait.success?, "the service ends well"
end
