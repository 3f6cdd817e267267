// fdwire for C++17: formats and connections that free themselves, errors that are thrown. To be copied and added to.
#ifndef FDWIRE_HPP
#define FDWIRE_HPP

#include <fdwire.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace fdwire {

class error : public std::runtime_error {
public:
  explicit error(int code) : error(code, fdwire_error_name(code)) {}
  error(int code, const std::string &why) : std::runtime_error(why), code_(code) {}

  int code() const noexcept { return code_; }
  const char *name() const noexcept { return fdwire_error_name(code_); }

private:
  int code_;
};

inline int check(int result) {
  if (result < 0)
    throw error(result);
  return result;
}

class format {
public:
  explicit format(const std::string &text) {
    char why[200];
    fdwire_format *made;
    if (const int result = fdwire_format_new(text.c_str(), &made, why, sizeof why); result < 0)
      throw error(result, why);
    format_.reset(made);
  }

  const fdwire_format *get() const noexcept { return format_.get(); }

private:
  struct free {
    void operator()(fdwire_format *it) const noexcept { fdwire_format_free(it); }
  };
  std::unique_ptr<fdwire_format, free> format_;
};

// Messages over a socket, which it owns. What is received is lent until the next receive.
class connection {
public:
  connection(const std::string &address, const format &format, int timeout_ms = -1) {
    const int fd = check(fdwire_connect(address.c_str(), timeout_ms));
    fdwire_conn *made;
    if (const int result = fdwire_conn_new(fd, fd, format.get(), &made); result < 0) {
      fdwire_close(fd);
      throw error(result);
    }
    conn_.reset(made);
    set(FDWIRE_OWN, FDWIRE_BOTH);
  }

  void set(fdwire_option option, int64_t value) { check(fdwire_conn_set(get(), option, value)); }

  // False: some bytes still wait, for flush, or for a receive.
  bool send(std::string_view body, int timeout_ms = -1) {
    return check(fdwire_conn_send(get(), body.data(), body.size(), timeout_ms)) == 0;
  }

  // Bodies of any kind that a string_view can be made of.
  template <typename Bodies> bool send_many(const Bodies &bodies, int timeout_ms = -1) {
    out_.clear();
    for (const std::string_view body : bodies)
      out_.push_back({nullptr, reinterpret_cast<const uint8_t *>(body.data()), 0, body.size(), 0});
    return check(fdwire_conn_send_many(get(), out_.data(), out_.size(), timeout_ms)) == 0;
  }

  // Nothing at the end of the stream.
  std::optional<std::string_view> receive(int timeout_ms = -1) {
    fdwire_msg msg;
    if (check(fdwire_conn_recv(get(), &msg, timeout_ms)) == 0)
      return std::nullopt;
    return body(msg);
  }

  // As many as are there, at least one; false at the end of the stream.
  bool receive_many(std::vector<std::string_view> &bodies, int timeout_ms = -1) {
    std::size_t count = 0;
    in_.resize(most);
    const bool more = check(fdwire_conn_recv_many(get(), in_.data(), most, &count, timeout_ms)) == 1;
    bodies.clear();
    for (std::size_t i = 0; i < count; i++)
      bodies.push_back(body(in_[i]));
    return more;
  }

  void shutdown(fdwire_shut how, int timeout_ms = -1) { check(fdwire_conn_shutdown(get(), how, timeout_ms)); }

  fdwire_conn *get() const noexcept { return conn_.get(); }

private:
  struct free {
    void operator()(fdwire_conn *it) const noexcept { fdwire_conn_free(it); }
  };
  static constexpr std::size_t most = 256;

  static std::string_view body(const fdwire_msg &msg) {
    return {reinterpret_cast<const char *>(msg.body), msg.body_len};
  }

  std::unique_ptr<fdwire_conn, free> conn_;
  std::vector<fdwire_msg> in_, out_;
};

} // namespace fdwire

#endif
