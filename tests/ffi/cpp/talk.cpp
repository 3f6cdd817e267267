// Messages from C++17, with the header beside this file.
//
//     lib=$PWD/target/release
//     c++ -std=c++17 -Iinclude tests/ffi/cpp/talk.cpp -L$lib -lfdwire -Wl,-rpath,$lib -o target/talk
//     target/talk unix:target/hall cpp 1
//
// It talks to tests/ffi/server.c, started as "server unix:target/hall 1": greets all who take part, has messages sent
// back one by one and in batches, and meets some errors.
#include "fdwire.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>

constexpr int timeout = 30'000;
constexpr std::string_view hello = "hello from ";

static void expect(const char *what, bool is_so) {
  if (!is_so)
    throw std::runtime_error(std::string("not as it should be: ") + what);
}

template <typename Action> fdwire::error error_of(Action action) {
  try {
    action();
  } catch (const fdwire::error &error) {
    return error;
  }
  throw std::runtime_error("an error was expected");
}

static std::vector<std::string> greet(fdwire::connection &conn, const std::string &name, std::size_t participants) {
  std::vector<std::string> met;
  conn.send(std::string(hello) + name, timeout);
  while (met.size() < participants) {
    const auto greeting = conn.receive(timeout);
    expect("greetings", greeting && greeting->substr(0, hello.size()) == hello);
    met.emplace_back(greeting->substr(hello.size()));
  }
  std::sort(met.begin(), met.end());
  return met;
}

static std::vector<std::string> receive_all(fdwire::connection &conn) {
  std::vector<std::string> received;
  std::vector<std::string_view> some;
  while (conn.receive_many(some, timeout))
    received.insert(received.end(), some.begin(), some.end());
  return received;
}

static std::string bytes(std::size_t count) {
  std::string bytes;
  while (bytes.size() < count)
    bytes.push_back(static_cast<char>(bytes.size()));
  return bytes;
}

static std::vector<std::string> small_ones(int count) {
  std::vector<std::string> bodies(count);
  for (int i = 0; i < count; i++)
    for (int times = i % 8; times > 0; times--)
      bodies[i] += std::to_string(i);
  return bodies;
}

static void talk(const std::string &address, const std::string &name, std::size_t participants) {
  const auto wrong = error_of([] { fdwire::format("u32le maxx=1M"); });
  const fdwire::format format("u32le max=1M");

  fdwire::connection conn(address, format, timeout);
  const auto nothing = error_of([&] { conn.receive(0); });
  expect("nothing is there yet", nothing.code() == -EAGAIN);
  const auto met = greet(conn, name, participants);

  const std::array echoes = {bytes(0), bytes(256), bytes(102'400)};
  for (const auto &body : echoes) {
    conn.send(body, timeout);
    expect("a message that comes back", conn.receive(timeout) == body);
  }

  const auto batch = small_ones(1000);
  conn.send_many(batch, timeout);
  conn.shutdown(FDWIRE_SHUT_WR, timeout);
  const auto received = receive_all(conn);
  expect("a batch that comes back", received == batch);

  fdwire::connection greedy(address, format, timeout);
  greedy.send("too much, please", timeout);
  const auto too_long = error_of([&] { greedy.receive(timeout); });
  expect("more than the format allows", too_long.code() == FDWIRE_E_TOO_LONG);

  std::cout << name << " met ";
  for (const auto &other : met)
    std::cout << other << (&other == &met.back() ? "; " : ", ");
  std::cout << echoes.size() << " echoes, " << received.size() << " in batches; " << nothing.name() << ", "
            << too_long.name() << "; " << wrong.what() << '\n';
}

int main(int argc, char **argv) try {
  if (argc != 4)
    return std::cerr << "usage: talk ADDRESS NAME PARTICIPANTS\n", 2;
  talk(argv[1], argv[2], std::strtoul(argv[3], nullptr, 10));
} catch (const std::exception &error) {
  std::cerr << "talk: " << error.what() << '\n';
  return 1;
}
