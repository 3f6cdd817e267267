/* fdwire: messages over file descriptors, in the wire format that the peer already speaks.
 *
 * It takes the descriptors that the program already has (TCP and Unix sockets, pipes, standard
 * input and output) and turns the bytes on them into whole messages and back:
 *
 *    int fd = fdwire_connect("127.0.0.1:9000", 5000);
 *    int result = fdwire_send(fd, NULL, "hello", 5, -1);
 *    size_t len;
 *    char reply[4096];
 *    while ((result = fdwire_recv(fd, NULL, reply, sizeof reply, &len, -1)) == 1)
 *        fwrite(reply, 1, len, stdout);
 *    fdwire_finish(fd, 1000);
 *
 * What holds everywhere, and is not said again below:
 *
 * Results. A function that can fail returns an int, and below 0 is failure, always: -errno of the
 * system (-ECONNRESET, -EBADF, ...), or one of the FDWIRE_E_ codes. errno itself means nothing
 * after a call. Sizes are given through size_t pointers, written on success only, unless it says
 * otherwise. A function that yields messages returns like read(2): 1 there is one, 0 there are no
 * more.
 *
 * Waiting. A timeout_ms is that of poll(2), and for the whole call: -1 waits as long as it takes,
 * 0 does not wait, n is a deadline that many milliseconds from now, however the bytes drip in.
 * What is not done at once with 0 is -EAGAIN; what is not done by the deadline is -ETIMEDOUT, and
 * nothing else is: a peer that the system gave up on (keepalive, TCP_USER_TIMEOUT) is
 * -ECONNRESET. Below -1 is -EINVAL. Only a write to a terminal or another device that is blocking
 * may take longer: that poll(2) calls it writable does not say for how much.
 *
 * Descriptors. Blocking or not, both work alike, and no flag or option of a descriptor is ever
 * changed. One is borrowed for the call only, unless the function says that it closes it; what
 * fdwire opens is close-on-exec, and the caller closes it. A negative or closed one is -EBADF; a
 * socket that keeps message boundaries (datagram, seqpacket) is -EPROTOTYPE. EINTR is retried,
 * SIGPIPE is never raised: a peer that is gone is -EPIPE or -ECONNRESET.
 *
 * Pointers. NULL where it is not allowed, a pointer to a number, a pointer or a struct that is not
 * aligned for it, and a range of more than PTRDIFF_MAX bytes are -EINVAL; bytes may lie anywhere.
 * NULL with length 0 is an empty range. No pointer of the caller's is kept after the call. Text is
 * UTF-8, NUL-terminated.
 *
 * What no check can see is undefined behaviour, as everywhere in C: a range that is not really
 * there; an object that was freed, is being freed, or is of another kind; what a call writes lying
 * over something else that it is given, where that is not allowed by name; lent bytes that are
 * read after they were given back. All else that a caller may do gets a code.
 *
 * Threads. Any function may be called from any thread at any time; what two calls may share is
 * said where it matters. Signals are left alone: a signal mask is the same after a call as before
 * it.
 */

#ifndef FDWIRE_H
#define FDWIRE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Versions and errors --------------------------------------------------------------------- */

/** The version of this header, which is also that of the library that it came with. */
#define FDWIRE_VERSION "0.1.0"
#define FDWIRE_VERSION_MAJOR 0
#define FDWIRE_VERSION_MINOR 1
#define FDWIRE_VERSION_PATCH 0

/**
 * fdwire's own codes. They lie below the system's -errno (-1 to -4095) and never change their
 * values.
 */
typedef enum fdwire_error {
  /** The stream ended inside a frame or an exact read: the peer went away too early. */
  FDWIRE_E_TRUNCATED = -5001,
  /** The bytes are not a frame of this format, or the body cannot be one. */
  FDWIRE_E_MALFORMED = -5002,
  /** Longer than the format's max, or than its length field can say. */
  FDWIRE_E_TOO_LONG = -5003,
  /** The text of a format is wrong. */
  FDWIRE_E_FORMAT = -5004,
  /** Used after an error that lasts. */
  FDWIRE_E_BROKEN = -5005,
  /** A bug in fdwire, contained: please report it. */
  FDWIRE_E_PANIC = -5006,
  /** The name of a host could not be resolved. */
  FDWIRE_E_RESOLVE = -5007,
} fdwire_error;

/**
 * The version of the library that is running, like "0.1.0"; FDWIRE_VERSION is that of the header.
 *
 * Returns: a static string.
 */
const char *fdwire_version(void);

/**
 * The name of a code: "FDWIRE_E_TOO_LONG", "ECONNRESET"; "OK" for 0 and above, "UNKNOWN" for what
 * is no code.
 *
 * Returns: a static string, never NULL.
 */
const char *fdwire_error_name(int code);

/**
 * What a code means, in words: "the stream ended inside a frame", "Connection reset by peer". The
 * text is cut to fit buf (which may be NULL if cap is 0) and always NUL-terminated.
 *
 * Returns: the length of the whole text without its NUL: it was cut if that is not below cap.
 */
size_t fdwire_strerror(int code, char *buf, size_t cap);

/* ---- Formats ---------------------------------------------------------------------------------
 *
 * A frame on the wire is a head, a body and a tail; a format says how they are laid out. Its text
 * is a kind, then key=value settings, separated by blanks; or the name of a preset, like "kafka",
 * and settings that override its own.
 *
 * Kinds in which a length stands before the body:
 *
 *    u8 u16be u16le u16ne ... u64ne   a binary number of 1 to 8 bytes: big-endian, little-endian,
 *                                     or in the machine's own order; with i for u, one below 0
 *                                     is malformed
 *      mask=n  shift=n                which bits of it are the length
 *    varint  varintbe                 7 bits a byte, the low ones first (LEB128) or the high ones
 *      digits=n                       most bytes                                       default: 10
 *      overlong=allow                 longer forms than needed, too
 *    ber                              tag and length of ASN.1
 *      digits=n                       most bytes of the length                         4
 *      overlong=refuse                only the shortest form, as in DER
 *    decimal  hex                     ASCII digits
 *      digits=n  fill=' '             in so many columns, filled up with '0' or this
 *      until='c'                      up to this
 *      overlong=refuse                no leading zeros
 *    netstring                        decimal until=':' tail=',' overlong=refuse
 *    fixed size=n                     no length field: head and body always have this size
 *
 * They share these keys:
 *
 *   at=n        offset of the length field                         default: 0
 *   head=n      bytes before the body, the length field included   up to the end of that field
 *   after=n     or instead: bytes between the length field and the body
 *   counts=x    what the length counts: rest   what follows the length field (default)
 *                                       field  the length field and what follows it
 *                                       frame  the whole frame
 *                                       body   the body alone
 *   adjust=n    or instead: what to add to the length to get the bytes after the length field
 *   unit=n      bytes that one count of the length stands for      1
 *   plus=u8@4*4,u32le@12~8   the numbers at these offsets are added, times 4, rounded up to 8
 *   pad=n       the frame is rounded up to a multiple of this      1
 *   tail='x'    bytes that end each frame; tail=u8@6: as many as that number says. Neither these
 *               nor the padding are counted by the length
 *   magic='x'@0,'y'@9        bytes that each head has
 *   init='x'@0  bytes that a head has when its sender gives none
 *   bodiless=0..3,7,-1       lengths that mean a frame of the head alone
 *   max=n       most bytes in a body; max=frame:n in a frame       16M
 *
 * Kinds whose end is searched for:
 *
 *    line  crlf  nul                  up to LF (CR LF, too), CR LF, or a byte of 0
 *    delimited by='\r\n','\n'        up to the first of at most 8 delimiters; the first is sent
 *      start='x'                      what each frame begins with: its head
 *      trail=n                        bytes behind the delimiter that belong to the frame
 *      over=split                     what is over the max comes in pieces, not as an error
 *      eof=allow                      the end of the stream ends a frame, too
 *    headers length='Content-Length'  lines up to an empty one, of which one says the body's length
 *      by='\n'                        what ends a line                                 '\r\n'
 *      missing=empty                  no such line: an empty body
 *    eof                              all that comes until the end of the stream, if anything does;
 *                                     what is sent goes as it is
 *
 * And a choice, by a number in the frame, of values, ranges, 'literals' or else; it may nest:
 *
 *    select u8 at=0 mask=0xff { 0..9, 12: u16be at=2; 'x': line; else: fixed size=8 }
 *
 * Numbers are decimal or 0x hex; K, M and G stand for powers of 1024. In 'literals' there are \r
 * \n \t \0 \\ \' and \x with two hex digits. Some formats:
 *
 *    u32be                                             most hand-made protocols
 *    u32be at=1 counts=field                           PostgreSQL: a type byte before the length
 *    u16be at=16 head=19 counts=frame max=frame:4096   BGP (RFC 4271, 4.1)
 *    varint at=1 digits=4                              MQTT (3.1.1, 2.2.3)
 *    line max=8K                                       lines of text
 *
 * Where a format is asked for, NULL is "u32be": a 4-byte big-endian length of the body.
 */

/**
 * How frames are laid out on the wire. Never changes once made; any number of threads may use one
 * at the same time.
 */
typedef struct fdwire_format fdwire_format;

/**
 * Tells the frames of a format of the program's own: what the len bytes, which begin where a frame
 * does, are so far. The answer follows from the bytes alone: more of them never change it, but
 * from "more" to something definite. ctx is what fdwire_format_new_custom was given.
 *
 * It returns, for a frame, its whole length in bytes, and sets *head_len (which is 0) to where the
 * body starts, at most 64K; 0 if more bytes are needed, and may set *at_least (which is len + 1)
 * to how many the frame surely has, counted from its first; below 0 if this is no frame. It may be
 * called from any thread that uses the format, from several at once, and does not longjmp.
 */
typedef int64_t (*fdwire_probe_fn)(void *ctx,
                                   const uint8_t *bytes,
                                   size_t len,
                                   size_t *head_len,
                                   size_t *at_least);

/**
 * Makes a format from its text, as above. If the text is wrong, why (NULL if why_cap is 0) gets
 * the reason and where, like 'column 7, "heads=8": no such key here; ...', cut to fit; else an
 * empty string.
 *
 * *out is the caller's, who frees it with fdwire_format_free.
 *
 * Returns: 0; FDWIRE_E_FORMAT; -EINVAL if text or out is NULL; -ENOMEM.
 */
int fdwire_format_new(const char *text, fdwire_format **out, char *why, size_t why_cap);

/**
 * Makes a format that a function of the program's own tells; max is the most bytes in a body. To
 * send, head and body are given as they are on the wire, and the function is asked whether
 * together they are a frame.
 *
 * ctx stays the program's; it and the function must live until the format was freed, and every
 * decoder that uses it. *out is the caller's, who frees it with fdwire_format_free.
 *
 * Returns: 0; -EINVAL if probe or out is NULL; -ENOMEM.
 */
int fdwire_format_new_custom(fdwire_probe_fn probe,
                             void *ctx,
                             uint64_t max,
                             fdwire_format **out);

/**
 * Frees a format, which no call may be using. Decoders that were made with it go on with it. NULL
 * is allowed.
 */
void fdwire_format_free(fdwire_format *format);

/**
 * Draws a frame of this format (NULL: the default) with its offsets, over several lines, for
 * people who wonder whether their text says what they mean. The picture is cut to fit buf (which
 * may be NULL if cap is 0) and always NUL-terminated.
 *
 * Returns: the length of the whole picture without its NUL: it was cut if that is not below cap.
 */
size_t fdwire_format_describe(const fdwire_format *format, char *buf, size_t cap);

/**
 * Writes the head of a frame of this format (NULL: the default) whose body has body_len bytes to
 * out, for programs that do their own I/O. head is one to fill the length into, of head_len bytes,
 * like the head of a message that was received; if it is NULL, and head_len 0, the format makes
 * one whose bytes are 0 but for the length and what the format says. out may be head itself. *len
 * gets the bytes written, which for a length that varies in width may differ from head_len.
 *
 * A body that holds a delimiter cannot be noticed here: see fdwire_encode.
 *
 * Returns: 0; -ENOBUFS if cap is too small, and then *len is what is needed; FDWIRE_E_TOO_LONG for
 * a body over the format's max or what its length field can say; FDWIRE_E_MALFORMED for a body or
 * a head that is none of this format's; -EINVAL for a NULL that is not allowed; -ENOMEM. Nothing
 * is written to out on failure.
 */
int fdwire_format_head(const fdwire_format *format,
                       const void *head,
                       size_t head_len,
                       uint64_t body_len,
                       void *out,
                       size_t cap,
                       size_t *len);

/**
 * Writes what follows the body of a frame of this format (NULL: the default) to out: a delimiter,
 * padding, a literal; with most formats, nothing. head is the whole head as it is sent, of
 * head_len bytes; NULL if head_len is 0. *len gets the bytes written.
 *
 * Returns: 0; -ENOBUFS if cap is too small, and then *len is what is needed; FDWIRE_E_MALFORMED
 * for a head that is none of this format's, or that says another length than body_len or one over
 * the max; -EINVAL for a NULL that is not allowed; -ENOMEM.
 */
int fdwire_format_tail(const fdwire_format *format,
                       const void *head,
                       size_t head_len,
                       uint64_t body_len,
                       void *out,
                       size_t cap,
                       size_t *len);

/**
 * The name of the preset with this number, from 0: what to write where a format's text is asked
 * for. It is static.
 *
 * Returns: the name; NULL past the last.
 */
const char *fdwire_preset_name(size_t i);

/**
 * The text that a preset's name stands for. It is static.
 *
 * Returns: the text; NULL past the last.
 */
const char *fdwire_preset_text(size_t i);

/**
 * Where the layout that a preset describes is published. It is static.
 *
 * Returns: the source; NULL past the last.
 */
const char *fdwire_preset_source(size_t i);

/* ---- One whole message -----------------------------------------------------------------------
 *
 * For simple programs: no state is kept between calls, and nothing is read past the message, so
 * the next byte on the descriptor is the first of the next one. One thread may send while another
 * receives on the same descriptor; two must not send at once, nor receive at once, or their bytes
 * mix.
 *
 * A thread that keeps to one socket is spared the question what sort of descriptor it is. So close
 * it with fdwire_close: after a plain close(2), a datagram socket that gets its number may be taken
 * for it. TCP's urgent data has no place in a stream of messages: a look at what has arrived ends
 * there.
 */

/**
 * Sends one message to a stream socket, a pipe or a file: the head that format (NULL: u32be) gives
 * it, len bytes of body (NULL if len is 0), and what the format puts behind that, in one system
 * call where the kernel takes it all. Bytes of the head that are not the length are 0, but for
 * what the format says.
 *
 * Returns: 0, all of it is with the kernel. FDWIRE_E_TOO_LONG or FDWIRE_E_MALFORMED for a body
 * that the format cannot say, such as one that holds its delimiter, with nothing sent. -EAGAIN
 * (timeout_ms 0): nothing was sent. -ETIMEDOUT: time ran out, and part of the message may be on
 * its way: then only closing makes sense. -EPIPE, -ECONNRESET: nobody receives any more. -EBADF,
 * -EPROTOTYPE, -EINVAL, -ENOMEM, and others as send(2) and write(2).
 */
int fdwire_send(int fd, const fdwire_format *format, const void *body, size_t len, int timeout_ms);

/**
 * Receives the body of one message of this format (NULL: u32be) to body, which has room for cap
 * bytes (NULL if cap is 0); *len gets its length. An empty message is 1 with *len 0, the end of
 * the stream is 0. The head is not shown.
 *
 * If the body is longer than cap: -ENOBUFS, and *len is the room that it needs. On a socket
 * nothing was taken: call again with more. On a pipe, whose bytes cannot be looked at without
 * taking them, the message was dropped, and the next call gets the one after it.
 *
 * With timeout_ms 0 a message on a socket is taken only when all of it has arrived, which one
 * larger than the socket's receive buffer never does; on a pipe, when the bytes have that it surely
 * begins with: all of its head, or of one whose length differs (varint, decimal, line, ...) the
 * first. If others are missing then, that is -ETIMEDOUT.
 *
 * Where the end of a message must be searched for (line, delimited, headers, ...), it is looked at
 * on a socket, and read byte by byte on a pipe: right everywhere, fast with a decoder. On a socket
 * too, one that comes in pieces, or has more than 16 KiB, is then taken piece by piece, and if it
 * turns out longer than cap it is dropped: -EMSGSIZE. So is, in any format, one whose head has more
 * than 64 bytes, if these come in pieces and timeout_ms is not 0.
 *
 * A format whose max is at most cap spares the look at what cannot fit: on a Unix socket in which
 * many messages wait, that is several times faster.
 *
 * Returns: 1 a message; 0 the stream ended between messages. FDWIRE_E_TRUNCATED: it ended inside
 * one. FDWIRE_E_TOO_LONG, FDWIRE_E_MALFORMED: the peer sends something else, and only closing
 * makes sense. -ENOBUFS: as above; -EMSGSIZE: as above; and where descriptors sent within the head
 * hid its rest from being looked at. -EAGAIN (timeout_ms 0): nothing was taken. -ETIMEDOUT: time
 * ran out, and part of the message may have been taken: then only closing makes sense; where
 * timeouts are normal, leave the waiting to poll(2). -ECONNRESET: the peer broke off. -EOPNOTSUPP:
 * one delimiter begins another, or lines are split, and only what follows would tell where the
 * message ends: on a pipe, and on a socket where descriptors hide it, when only closing makes
 * sense. -ENOMEM: nothing was taken, or, where the end is searched for and was not
 * looked at, part of the message: then only closing makes sense. -EBADF, -EPROTOTYPE, -EINVAL,
 * -EMFILE (to wait for a head that comes in pieces takes a descriptor), and others as recv(2) and
 * read(2).
 */
int fdwire_recv(int fd,
                const fdwire_format *format,
                void *body,
                size_t cap,
                size_t *len,
                int timeout_ms);

/* ---- Messages without I/O --------------------------------------------------------------------
 *
 * For TLS, io_uring, libuv, test data: a decoder takes the bytes of a stream in whatever pieces
 * they come, and gives whole messages. One thread at a time may use it.
 *
 *    for (;;) {
 *      void *room; size_t cap;
 *      if (fdwire_decoder_space(decoder, &room, &cap) < 0) break;
 *      int n = SSL_read(ssl, room, (int)cap);
 *      if (n <= 0) break;
 *      fdwire_decoder_commit(decoder, n);
 *      while ((r = fdwire_decoder_next(decoder, &msg)) == 1)
 *        handle(msg.body, msg.body_len);
 *      if (r < 0) break;
 *    }
 *    r = fdwire_decoder_finish(decoder);   // 0: all is well
 *
 * Memory follows the bytes that came, never those that a length announces.
 */

/** Cuts a stream of bytes into messages. */
typedef struct fdwire_decoder fdwire_decoder;

/**
 * A message, in both directions: what was received can be sent on as it is.
 *
 * Received: head, body and tail lie one after the other, so the whole frame is the head_len +
 * body_len + tail_len bytes at head. The body alone is the payload.
 *
 * To be sent: head may be NULL, and head_len 0; else it is the head to send, in which fdwire fills
 * in the length. One that is not NULL and has no bytes is a head as well, which only formats
 * without a length field take. tail_len is not looked at: the tail is fdwire's.
 */
typedef struct fdwire_msg {
  /** The bytes before the body, the length field among them. */
  const uint8_t *head;
  /** The payload. */
  const uint8_t *body;
  /** Bytes at head. */
  size_t head_len;
  /** Bytes at body. */
  size_t body_len;
  /** Bytes behind the body that belong to the frame. */
  size_t tail_len;
} fdwire_msg;

/**
 * Makes a decoder for messages of this format (NULL: u32be), which may be freed afterwards. It
 * holds no buffer until bytes come.
 *
 * *out is the caller's, who frees it with fdwire_decoder_free.
 *
 * Returns: 0; -EINVAL if out is NULL; -ENOMEM.
 */
int fdwire_decoder_new(const fdwire_format *format, fdwire_decoder **out);

/** Frees a decoder and what it lent. NULL is allowed. */
void fdwire_decoder_free(fdwire_decoder *decoder);

/**
 * Room to read bytes into: *ptr gets where, *cap how many, 4 KiB at first and more as more come.
 * fdwire_decoder_commit says how many were read. The room is the decoder's, until the next call on
 * it; messages that were lent are not valid any more.
 *
 * Returns: 0; what fdwire_decoder_next returned, if that was an error; FDWIRE_E_BROKEN after
 * fdwire_decoder_finish; -EINVAL for a NULL; -ENOMEM.
 */
int fdwire_decoder_space(fdwire_decoder *decoder, void **ptr, size_t *cap);

/**
 * Takes the first len bytes of the room that fdwire_decoder_space gave for read. What was lent
 * stays valid.
 *
 * Returns: 0; -EINVAL if there was less room, or for a NULL; errors as fdwire_decoder_space.
 */
int fdwire_decoder_commit(fdwire_decoder *decoder, size_t len);

/**
 * Adds a copy of len bytes (NULL if len is 0). Messages that were lent are not valid any more.
 *
 * Returns: 0; what fdwire_decoder_next returned, if that was an error; FDWIRE_E_BROKEN after
 * fdwire_decoder_finish; -EINVAL for a NULL; -ENOMEM. On failure no byte was taken.
 */
int fdwire_decoder_feed(fdwire_decoder *decoder, const void *bytes, size_t len);

/**
 * The next message. *msg gets where it lies in the decoder's buffer, lent until the next call of
 * fdwire_decoder_space, _feed or _free; further calls of this one leave it where it is.
 *
 * How the bytes came never changes the messages, nor the errors, nor their order.
 *
 * Returns: 1 a message; 0 there is none, more bytes are needed (or, after fdwire_decoder_finish,
 * all is done). FDWIRE_E_MALFORMED, FDWIRE_E_TOO_LONG: the stream is out of step, and every later
 * call says so again, until fdwire_decoder_skip; fdwire_decoder_explain tells why.
 * FDWIRE_E_TRUNCATED: the stream ended inside a message. FDWIRE_E_BROKEN after FDWIRE_E_PANIC.
 * -EINVAL for a NULL.
 */
int fdwire_decoder_next(fdwire_decoder *decoder, fdwire_msg *msg);

/**
 * As many messages as are there, at most cap, to msgs; *count gets how many. All are lent, as by
 * fdwire_decoder_next. An error behind some messages comes with the next call.
 *
 * Returns: 1 at least one message; 0 and errors as fdwire_decoder_next. -EINVAL also if cap is 0.
 */
int fdwire_decoder_next_many(fdwire_decoder *decoder,
                             fdwire_msg *msgs,
                             size_t cap,
                             size_t *count);

/**
 * Says that the stream ended: no more bytes will come.
 *
 * After an error, later calls of fdwire_decoder_next say it again.
 *
 * Returns: 0 all messages were delivered, and nothing is left. 1 messages wait: call
 * fdwire_decoder_next until it returns 0; the end of the stream may have completed the last one.
 * FDWIRE_E_TRUNCATED: it ended inside a message. What fdwire_decoder_next returned, if that was an
 * error. FDWIRE_E_BROKEN after FDWIRE_E_PANIC. -EINVAL for a NULL.
 */
int fdwire_decoder_finish(fdwire_decoder *decoder);

/**
 * After FDWIRE_E_TOO_LONG: goes past that message, to be in step with the next one. Its bytes are
 * dropped as they come, and none behind it.
 *
 * Returns: 0; the decoder's error where it is another, or where no end of that message is known
 * (a custom format's function has to tell it from the bytes that are there); -EINVAL where there
 * is nothing to be skipped, or for a NULL.
 */
int fdwire_decoder_skip(fdwire_decoder *decoder);

/**
 * Changes the format (NULL: u32be) of all messages that were not delivered yet, where a protocol
 * changes it between messages. It may be freed afterwards.
 *
 * Returns: 0; the error that the decoder stopped at; -EINVAL while a message is being skipped whose
 * end is not known yet, or for a NULL.
 */
int fdwire_decoder_set_format(fdwire_decoder *decoder, const fdwire_format *format);

/**
 * Hands over the bytes that were not delivered, and forgets them: for whoever goes on with the
 * stream in another way. *ptr gets where they lie, lent as a message is; *len how many they are.
 * After an error they begin with the message that it was; those of a message that is being skipped
 * are not among them.
 *
 * Returns: 0; -EINVAL for a NULL; FDWIRE_E_BROKEN after FDWIRE_E_PANIC.
 */
int fdwire_decoder_unread(fdwire_decoder *decoder, const void **ptr, size_t *len);

/**
 * How many more bytes the next message needs at least: reading no more than these reads nothing
 * past it. (But where one delimiter begins another, as '\r' does "\r\n", or a line is split: what
 * follows tells then where the message ends.)
 *
 * Returns: that; 0 where the message is there, or will never be, or for a NULL.
 */
size_t fdwire_decoder_needed(fdwire_decoder *decoder);

/**
 * Where in the stream the next message begins, or the one at which the decoder stopped.
 *
 * Returns: how many bytes lie before it; 0 for a NULL.
 */
uint64_t fdwire_decoder_offset(const fdwire_decoder *decoder);

/**
 * Says where the stream stands and, if it broke, why, with the bytes, in a line for people:
 *
 *    message 3 at stream offset 128: the length field 47 45 54 20 says 1195725856, over the limit
 *    of 16777216; these bytes are the text 'GET ': is the peer speaking HTTP?
 *
 * The text is cut to fit buf (which may be NULL if cap is 0) and always NUL-terminated.
 *
 * Returns: the length of the whole text without its NUL: it was cut if that is not below cap.
 */
size_t fdwire_decoder_explain(const fdwire_decoder *decoder, char *buf, size_t cap);

/**
 * Writes the whole frame of a message of this format (NULL: the default) to out: head, body and
 * tail. *len gets the bytes written.
 *
 * Returns: 0; -ENOBUFS if cap is too small, and then *len is what is needed; FDWIRE_E_TOO_LONG for
 * a body over the format's max or what its length field can say; FDWIRE_E_MALFORMED for a body
 * that the format cannot say, such as one that holds its delimiter, or a head that is none of this
 * format's; -EINVAL for a NULL that is not allowed; -ENOMEM. Nothing is written to out on failure.
 */
int fdwire_encode(const fdwire_format *format,
                  const fdwire_msg *msg,
                  void *out,
                  size_t cap,
                  size_t *len);

/* ---- Connections -----------------------------------------------------------------------------
 *
 * For servers, proxies and whoever keeps a stream open: a connection holds what was read past a
 * message, and what could not be written yet. So a call that runs out of time loses nothing, many
 * messages move by one system call, and one descriptor can be watched by any event loop.
 *
 *    fdwire_conn *conn;
 *    fdwire_msg msg;
 *    fdwire_conn_new(fd, fd, NULL, &conn);
 *    while ((r = fdwire_conn_recv(conn, &msg, -1)) == 1)
 *      if ((r = fdwire_conn_send(conn, msg.body, msg.body_len, -1)) < 0) break;
 *    fdwire_conn_finish(conn, NULL, 1000);
 *    fdwire_conn_free(conn);
 *    fdwire_close(fd);
 *
 * In an event loop every call gets timeout_ms 0, and fdwire_conn_events says what to poll for:
 *
 *    struct pollfd p = { fd, fdwire_conn_events(conn) & (POLLIN | POLLOUT), 0 };
 *    poll(&p, 1, -1);
 *    if (p.revents & POLLOUT) fdwire_conn_flush(conn, 0);
 *    while ((r = fdwire_conn_recv(conn, &msg, 0)) == 1) handle(&msg);
 *    if (r != -EAGAIN) the_end(conn, r);
 *
 * With FDWIRE_POLLED, the receive that finds nothing asks the system nothing.
 *
 * Memory. A connection holds no buffer while nothing waits in it: a receive that finds nothing
 * gives its buffer back, and so does a send when all is with the kernel.
 *
 * Threads. Any thread may call at any time. Receiving and sending do not wait for one another; of
 * several calls in one direction, each gets or sends whole messages. What one receive lends
 * another one ends, so that several receiving threads use fdwire_conn_recv_into, or _recv_packed.
 * A program that keeps each direction to one thread can say so (FDWIRE_ONE_THREAD), which saves
 * the locks.
 *
 * Errors last. Once the stream is out of step, or the system has refused to read or to write,
 * every later call in that direction gives the same code.
 */

/** A direction of a connection, or both. */
typedef enum fdwire_direction {
  /** Receiving. */
  FDWIRE_IN = 1,
  /** Sending. */
  FDWIRE_OUT = 2,
  /** Both. */
  FDWIRE_BOTH = 3,
  /** With FDWIRE_BOTH, for FDWIRE_ONE_THREAD: each has a thread of its own. */
  FDWIRE_APART = 4,
} fdwire_direction;

/** What fdwire_conn_events says beside POLLIN and POLLOUT. */
typedef enum fdwire_event {
  /** A receive would not have to wait: a message is inside, or an error, or the end. */
  FDWIRE_READY = 65536,
} fdwire_event;

/** What sending returns beside 0. */
typedef enum fdwire_sent {
  /**
   * The messages were accepted, and some of their bytes still wait to be sent: do not send them
   * again, but flush.
   */
  FDWIRE_PENDING = 1,
} fdwire_sent;

/** A stream of messages in both directions, or in one. */
typedef struct fdwire_conn fdwire_conn;

/**
 * Reads at most len bytes, at least one, to buf. ctx is what fdwire_conn_new_over was given. It
 * returns how many; 0 at the end of the stream; -EAGAIN if none can be read now; -errno.
 */
typedef int64_t (*fdwire_read_fn)(void *ctx, void *buf, size_t len);

/** A range of bytes to be written; laid out as struct iovec, to which a pointer may be cast. */
typedef struct fdwire_slice {
  /** Where they begin. */
  const void *base;
  /** How many they are. */
  size_t len;
} fdwire_slice;

/**
 * Writes bytes of count slices, one after the other, as far as they go now. It returns how many
 * bytes, at least one; -EAGAIN if none can be written now; -errno. What it did not take comes
 * first in the next call, with nothing left out, in slices that may be cut otherwise.
 */
typedef int64_t (*fdwire_writev_fn)(void *ctx, const struct fdwire_slice *slices, size_t count);

/**
 * Waits, at most timeout_ms (-1: without end), until reading (events has POLLIN) or writing
 * (POLLOUT) may go on; it may return earlier. It returns 0, or -errno.
 */
typedef int (*fdwire_wait_fn)(void *ctx, int events, int timeout_ms);

/** What a connection has done so far. Later versions may add to its end. */
typedef struct fdwire_stats {
  /** Messages that were received, and sent or accepted to be. */
  uint64_t messages_in;
  uint64_t messages_out;
  /** Bytes that came from the kernel, and went to it, or through the program's own functions. */
  uint64_t bytes_in;
  uint64_t bytes_out;
  /** Calls that read, and that wrote, those that moved nothing included. */
  uint64_t reads;
  uint64_t writes;
  /** Bytes that were received and not delivered yet, and that wait to be sent. */
  uint64_t buffered;
  uint64_t pending;
  /** Bytes of memory that the buffers hold. */
  uint64_t memory;
} fdwire_stats;

/**
 * Makes a connection that receives messages of this format (NULL: u32be) from in_fd and sends them
 * to out_fd: the same for a socket, two for pipes or standard input and output, -1 where there is
 * no such side. The format may be freed afterwards. No buffer is held until bytes come.
 *
 * The descriptors stay the program's, who keeps them open until the connection was freed, unless
 * FDWIRE_OWN is set. They may be blocking or not. *out is the caller's, who frees it with
 * fdwire_conn_free.
 *
 * Returns: 0; -EBADF for a descriptor that is not open, or not for this direction, or where both
 * are -1; -EPROTOTYPE for a socket that keeps message boundaries; -EINVAL if out is NULL; -ENOMEM.
 */
int fdwire_conn_new(int in_fd, int out_fd, const fdwire_format *format, fdwire_conn **out);

/**
 * Makes a connection over functions of the program's own instead of descriptors: TLS, a simulated
 * network, a test. read, writev and wait get ctx; one that is NULL is a side that is not there,
 * and without wait no call waits: what cannot be done at once is -EAGAIN.
 *
 * read is called by one thread at a time, and writev too; but both, and wait, may be called at the
 * same time by several threads. They make no call on this connection (one that does gets
 * -EDEADLK), and do not longjmp. They and ctx stay the program's and must live until the
 * connection was freed.
 *
 * Returns: as fdwire_conn_new; -EINVAL also if both read and writev are NULL.
 */
int fdwire_conn_new_over(fdwire_read_fn read,
                         fdwire_writev_fn writev,
                         fdwire_wait_fn wait,
                         void *ctx,
                         const fdwire_format *format,
                         fdwire_conn **out);

/**
 * Frees a connection, which no call may be using, with what it lent, what waited to be sent, and
 * descriptors that came and were not taken; closes those that it owns (FDWIRE_OWN). It does not
 * wait: fdwire_conn_finish comes before, where every byte matters. NULL is allowed.
 */
void fdwire_conn_free(fdwire_conn *conn);

/**
 * Changes the format (NULL: u32be) of all messages in directions (FDWIRE_IN, _OUT, _BOTH) that
 * were not delivered yet, or not accepted for sending, where a protocol changes it between
 * messages. It may be freed afterwards.
 *
 * Bytes that were read already are taken for the new format: where they may come from before the
 * change (STARTTLS), look at what fdwire_conn_unread has.
 *
 * Returns: 0; else neither is changed: -EBUSY while a message is sent or received in parts; errors
 * that last, of receiving; -EINVAL for other directions, while a message is being skipped whose
 * end is not known yet, or for a NULL.
 */
int fdwire_conn_set_format(fdwire_conn *conn, int directions, const fdwire_format *format);

/**
 * What an event loop polls for, level-triggered: POLLIN (on in_fd) while more can be received,
 * POLLOUT (on out_fd) while bytes wait to be sent, and FDWIRE_READY if a receive would not have to
 * wait. With FDWIRE_READY, receive before polling: poll(2) knows nothing of what is inside.
 * fdwire_conn_recv_begin, for which a head is enough, may go on without it: whoever receives in
 * parts calls that until -EAGAIN.
 *
 * An edge-triggered loop receives until -EAGAIN, and sends and flushes until 0.
 *
 * Returns: these, or'ed; -EINVAL for a NULL; FDWIRE_E_BROKEN.
 */
int fdwire_conn_events(fdwire_conn *conn);

/**
 * Makes every call that waits on the connection, and every one that would have to, return
 * -ECANCELED, from any thread and until fdwire_conn_set lifts it (FDWIRE_CANCELLED, 0). If that is
 * at once, a call that was waiting may not notice. What can be done without waiting is still done,
 * no byte is lost, and fdwire_conn_finish waits all the same. To be waked, a connection over
 * functions needs a wait that returns now and then.
 *
 * Returns: 0; -EINVAL for a NULL.
 */
int fdwire_conn_cancel(fdwire_conn *conn);

/**
 * What the connection has done so far: fills in the first size bytes of *stats, for which a
 * program gives sizeof *stats.
 *
 * Returns: 0; -EINVAL for a NULL or a size of 0.
 */
int fdwire_conn_stats(fdwire_conn *conn, fdwire_stats *stats, size_t size);

/**
 * Says where the received stream stands and, if it broke, why, with the bytes; and if sending
 * failed, how; in a line for people, as fdwire_decoder_explain does.
 *
 * The text is cut to fit buf (which may be NULL if cap is 0) and always NUL-terminated.
 *
 * Returns: the length of the whole text without its NUL: it was cut if that is not below cap.
 */
size_t fdwire_conn_explain(fdwire_conn *conn, char *buf, size_t cap);

/**
 * Ends one direction or both (FDWIRE_SHUT_RD, _WR, _RDWR), waking whoever waits in it.
 *
 * Receiving: every later receive returns 0, the end, after the messages that are inside. Sending:
 * flushes what waits to be sent, then shuts down the socket, or gives up a pipe that the
 * connection owns (FDWIRE_OWN), whose number stays taken until the connection is freed: the peer
 * sees the end of the stream, and can still answer. Later sends get -EPIPE.
 *
 * Returns: 0. -EAGAIN, -ETIMEDOUT, -ECANCELED: not all was sent in time, and nothing was ended:
 * call again. All else is of one direction, and of two the other was ended all the same:
 * FDWIRE_E_TRUNCATED: a message that is sent in parts was not sent whole; sending was ended.
 * -EOPNOTSUPP: all is sent, but the end cannot be shown to the peer on a descriptor that is no
 * socket and not owned, or over functions. -EMFILE: it could not be shown on a pipe; call again.
 * -ENOTCONN; errors as fdwire_conn_flush; -EINVAL for another how, or a NULL.
 */
int fdwire_conn_shutdown(fdwire_conn *conn, int how, int timeout_ms);

/**
 * Ends the connection so that the peer gets every byte: sends what waits to be sent, shuts down
 * sending, then receives and drops what the peer still sends until it ends as well; closes the
 * descriptors that the connection owns. Over functions, on pipes, and without an in_fd or an
 * out_fd nothing is received, and how the peer ends is not known. *unsent (NULL: not wanted) gets
 * how many accepted bytes never reached the kernel, whatever the result.
 *
 * Nothing but fdwire_conn_free can be done with the connection afterwards: calls that receive or
 * send get FDWIRE_E_BROKEN, or -EPIPE, and so do those that wait.
 *
 * Returns: 0: all was sent and the peer has ended too. -ETIMEDOUT: it had not in time (with
 * timeout_ms 0 too; there is no -EAGAIN here), so what was sent last may be lost. -ECONNRESET,
 * -EPIPE: the peer broke off. FDWIRE_E_TRUNCATED: a message that is sent in parts was not sent
 * whole. Errors that last, as fdwire_conn_flush. -EINVAL for timeout_ms, or a NULL, with nothing
 * done.
 */
int fdwire_conn_finish(fdwire_conn *conn, uint64_t *unsent, int timeout_ms);

/* ---- Options of a connection -----------------------------------------------------------------
 *
 * None has to be set.
 */

/** What can be set on a connection. */
typedef enum fdwire_option {
  /**
   * The directions (FDWIRE_IN, _OUT, _BOTH) whose descriptors the connection owns: it closes
   * them in fdwire_conn_finish and fdwire_conn_free. Default: 0, they stay the program's.
   */
  FDWIRE_OWN = 1,
  /** Most bytes that may wait to be sent, 0 to INT64_MAX. Default: 32 MiB. */
  FDWIRE_SEND_LIMIT = 2,
  /** How many bytes one read asks for, 4 KiB to 64 MiB. Default: 256 KiB. */
  FDWIRE_READ_SIZE = 3,
  /**
   * Sends wait until there are so many bytes, or the next message does not fit in; as far as
   * FDWIRE_SEND_LIMIT lets them, and no longer than until fdwire_conn_flush, or a receive that is
   * about to wait: many small messages then go by one system call. They return FDWIRE_PENDING
   * meanwhile. For streams of small messages 256 KiB is plenty, and over TCP 1 MiB. Default: 0,
   * each send goes at once.
   */
  FDWIRE_BATCH = 4,
  /**
   * The directions in which one thread at a time makes its calls, as the program promises: they
   * need no lock then. FDWIRE_BOTH: one thread makes all calls; FDWIRE_BOTH | FDWIRE_APART:
   * each direction has a thread of its own, and like with FDWIRE_OUT alone, a receive that is
   * about to wait does not flush. fdwire_conn_events, _stats and _explain are calls in both
   * directions, _pending is one of sending. Set it before the connection is shared; a call that
   * breaks the promise may corrupt it. In such a direction a call without a deadline waits in
   * the kernel, holding its buffer, and fdwire_conn_cancel does not wake it (for one that
   * receives on a socket, fdwire_conn_shutdown with FDWIRE_SHUT_RD does). Default: 0.
   */
  FDWIRE_ONE_THREAD = 5,
  /**
   * 1: take the descriptors that come with messages on a Unix socket (fdwire_conn_take_fds).
   * Default: 0, the system closes them unseen.
   */
  FDWIRE_TAKE_FDS = 6,
  /** 0 lifts fdwire_conn_cancel: calls may wait again. 1 is the same as that call. */
  FDWIRE_CANCELLED = 7,
  /**
   * Microseconds, 0 to 1,000,000, for which a receive that is about to wait first tries again
   * and again, within its timeout_ms, letting others have its core between two tries
   * (sched_yield(2)); then it waits as ever. What comes meanwhile need not wake an idle core,
   * which is most of what a short exchange takes: for a peer on the same machine that answers at
   * once, 50 will do. A core is busy meanwhile. With timeout_ms 0, over functions without a
   * wait, and in calls that send, nothing spins. Default: 0, it waits at once.
   */
  FDWIRE_SPIN = 8,
  /**
   * 1: the program polls, level-triggered, before it receives with timeout_ms 0. Once a read
   * brought less than there was room for, the receive that finds nothing left of it is -EAGAIN
   * without asking the system, which the next poll does anyway. Whoever does not poll would be
   * told -EAGAIN once too often, and an edge-triggered loop may miss the end. Over functions
   * each receive asks. Default: 0.
   */
  FDWIRE_POLLED = 9,
} fdwire_option;

/**
 * Sets one of the options FDWIRE_OWN, ...
 *
 * Returns: 0; -EINVAL for an option or a value that there is not, or a NULL; -ENOMEM.
 */
int fdwire_conn_set(fdwire_conn *conn, int option, int64_t value);

/* ---- Receiving on a connection ---------------------------------------------------------------
 *
 * A receive gives what is inside before it reads, and reads all that there is. What it lends, it
 * lends until the next receive on the connection, of whatever sort, or fdwire_conn_unread; calls
 * that send leave it alone. One that is about to wait flushes first what waits to be sent, and
 * goes on with that while it waits. With timeout_ms 0 too, one reads on as long as bytes are there
 * and no message is whole: -EAGAIN says that nothing is left to be read, as an edge-triggered loop
 * needs it.
 */

/**
 * Receives one message. *msg gets where it lies, lent.
 *
 * Returns: 1 a message; 0 the stream ended between messages. -EAGAIN (timeout_ms 0), -ETIMEDOUT,
 * -ECANCELED: there is none yet; what came of it is kept: call again. These last:
 * FDWIRE_E_TRUNCATED: the stream ended inside a message. FDWIRE_E_TOO_LONG, FDWIRE_E_MALFORMED:
 * the stream is out of step (fdwire_conn_explain says why; fdwire_conn_skip gets past what is too
 * long). -ECONNRESET and others as recv(2) and read(2); -EPROTO: where the kernel speaks TLS,
 * something came that only the TLS library can answer. And: -EBUSY while a message is received in
 * parts; -EBADF without an in_fd; -EINVAL for a NULL; -ENOMEM.
 */
int fdwire_conn_recv(fdwire_conn *conn, fdwire_msg *msg, int timeout_ms);

/**
 * Receives as many messages as are there, at most cap, to msgs, waiting for the first only; *count
 * gets how many. All are lent. A message that brings descriptors is the last that one call gives.
 *
 * Returns: 1 at least one message; 0 and errors as fdwire_conn_recv; one behind some messages
 * comes with the next call. -EINVAL also if cap is 0.
 */
int fdwire_conn_recv_many(fdwire_conn *conn,
                          fdwire_msg *msgs,
                          size_t cap,
                          size_t *count,
                          int timeout_ms);

/**
 * Receives the body of one message to body, which has room for cap bytes (NULL if cap is 0); *len
 * gets its length. The head is not shown. A large body goes straight to where it ends up. For
 * several threads that receive on one connection, this is the call.
 *
 * Returns: 1 a message; 0 and errors as fdwire_conn_recv. -ENOBUFS: the body is longer than cap;
 * *len is the room that it needs, and the message stays where it is: call again. -ENOMEM lasts if a
 * call that runs out of time finds no memory for the part of a body that came.
 */
int fdwire_conn_recv_into(fdwire_conn *conn, void *body, size_t cap, size_t *len, int timeout_ms);

/**
 * Receives the head of a message whose body is then received in parts, however large it is: *head
 * gets the head, lent, with no body; *body_len how many bytes the body has. Where the end of a
 * message must be searched for, the whole of it is gathered first. head->tail_len says how many
 * bytes come behind the body; they are checked, and not handed over.
 *
 * Then fdwire_conn_recv_part receives the body until it returns 0, or fdwire_conn_skip drops what
 * is left of it. Until then other receives get -EBUSY.
 *
 * Returns: 1 a message begins; 0 and errors as fdwire_conn_recv.
 */
int fdwire_conn_recv_begin(fdwire_conn *conn, fdwire_msg *head, uint64_t *body_len, int timeout_ms);

/**
 * Receives some of the body that fdwire_conn_recv_begin began: as many bytes as are there, at most
 * cap, waiting for the first only; *got gets how many.
 *
 * Returns: 1 some bytes; 0 the body is at its end, and the message is done. Errors as
 * fdwire_conn_recv; -EINVAL where no message was begun, or if cap is 0.
 */
int fdwire_conn_recv_part(fdwire_conn *conn, void *buf, size_t cap, size_t *got, int timeout_ms);

/**
 * After FDWIRE_E_TOO_LONG: goes past that message, to be in step with the next one. While a
 * message is received in parts: past the rest of it. Its bytes are dropped as they come, by later
 * receives.
 *
 * Returns: 0; the error that lasts where it is another, or where no end of that message is known;
 * -EINVAL where there is nothing to be skipped, or for a NULL; -EBUSY while another thread waits in
 * fdwire_conn_recv_into for the rest of a body.
 */
int fdwire_conn_skip(fdwire_conn *conn);

/**
 * Hands over the bytes that were read and not delivered, and forgets them: for whoever goes on
 * with the descriptor in another way. *ptr gets where they lie, lent; *len how many they are.
 * Reads nothing.
 *
 * Returns: 0; -EBUSY while a message is received in parts; -EINVAL for a NULL.
 */
int fdwire_conn_unread(fdwire_conn *conn, const void **ptr, size_t *len);

/**
 * The descriptors that came with the last message that a receive gave, or with the parts of it so
 * far: at most cap to fds (NULL if cap is 0); *count gets how many. They are the caller's, who
 * closes them, and close-on-exec. Those that are not taken before the next receive are closed.
 *
 * They are known by FDWIRE_TAKE_FDS. A sender that is not fdwire binds them to a message by
 * sending it with a sendmsg(2) of its own. A message brings 253 at most. What comes with bytes that
 * are skipped, or handed over by fdwire_conn_unread, is closed.
 *
 * Returns: 1 if *count is not 0; 0 there are none (any more). -EMFILE: not all that were sent
 * could be received, for want of free descriptors or memory, or they were more than 253; those that
 * came were closed. -ENOMEM:
 * call again. -EINVAL for a NULL.
 */
int fdwire_conn_take_fds(fdwire_conn *conn, int *fds, size_t cap, size_t *count);

/* ---- Sending on a connection -----------------------------------------------------------------
 *
 * A send returns 0 when all that waits is with the kernel; FDWIRE_PENDING when its messages were
 * accepted and some bytes wait inside for fdwire_conn_flush, the next send, or a receive that is
 * about to wait; below 0 when nothing of them was accepted. So the result always says whether to
 * send again. What the kernel does not take before timeout_ms is over, waits inside; with 0 that is
 * what it does not take at once, however much it takes.
 *
 * At most FDWIRE_SEND_LIMIT bytes wait inside. A send waits until there is room, as long as
 * timeout_ms allows; with -1 it returns only when all is with the kernel, so that its messages may
 * have any size: large bodies go straight from the caller's memory. Threads take turns: messages
 * are never mixed, and a thread may have to wait for one that sends a message in parts.
 */

/**
 * Sends one message: the head that the format gives it, and len bytes of body (NULL if len is 0).
 *
 * Returns: 0; FDWIRE_PENDING. -ENOBUFS: no room within the limit in time; flush and send again.
 * -EMSGSIZE: longer than the limit, which only timeout_ms -1 allows. FDWIRE_E_TOO_LONG,
 * FDWIRE_E_MALFORMED: the format has no such message. -ECANCELED, -EAGAIN, -ETIMEDOUT: another
 * thread's message was not done in time. -EBUSY: this thread is sending a message in parts. -EBADF
 * without an out_fd; -EINVAL for a NULL; -ENOMEM. These last, and part of a message may be lost:
 * -EPIPE, -ECONNRESET: nobody receives any more; -ENOMEM where some was on its way already, or a
 * large body was to wait inside, and there was no memory for it; others as send(2) and write(2).
 */
int fdwire_conn_send(fdwire_conn *conn, const void *body, size_t len, int timeout_ms);

/**
 * Sends count messages, with as few system calls as there can be. Of each, head (NULL: the format
 * makes one) and body are looked at; what was received can be sent on as it is.
 *
 * Returns: as fdwire_conn_send; all of them were accepted or none.
 */
int fdwire_conn_send_many(fdwire_conn *conn, const fdwire_msg *msgs, size_t count, int timeout_ms);

/**
 * Accepts count messages to be sent by the next fdwire_conn_flush, fdwire_conn_send, or receive
 * that is about to wait. Copies them; makes no system call and never waits.
 *
 * Returns: FDWIRE_PENDING; 0 if count is 0. -ENOBUFS if they do not fit within the limit beside
 * what waits already, -EMSGSIZE if they never will; -EBUSY while a message is sent in parts; other
 * errors as fdwire_conn_send; all of them were accepted or none.
 */
int fdwire_conn_queue(fdwire_conn *conn, const fdwire_msg *msgs, size_t count);

/**
 * Sends what waits inside.
 *
 * Returns: 0, all is with the kernel. -EAGAIN (timeout_ms 0), -ETIMEDOUT, -ECANCELED: some bytes
 * still wait; call again, when poll(2) says POLLOUT. Errors that last, as fdwire_conn_send.
 */
int fdwire_conn_flush(fdwire_conn *conn, int timeout_ms);

/**
 * How many bytes wait inside to be sent, those of files (fdwire_conn_send_file) included.
 *
 * Returns: that; 0 for a NULL.
 */
uint64_t fdwire_conn_pending(fdwire_conn *conn);

/**
 * Begins a message whose body of body_len bytes is then sent in parts: its head is made by the
 * format, filled into the head_len bytes at head if that is not NULL. It goes with the first part.
 * Then fdwire_conn_send_part sends the body; when body_len bytes were accepted, the message is
 * done. Until then this thread's other sends get -EBUSY, and other threads' wait.
 *
 * Returns: as fdwire_conn_send. -EOPNOTSUPP: the format tells its messages by what is in them, so
 * that they can only be sent whole.
 */
int fdwire_conn_send_begin(fdwire_conn *conn,
                           const void *head,
                           size_t head_len,
                           uint64_t body_len,
                           int timeout_ms);

/**
 * Sends the next len bytes (NULL if len is 0) of the message that fdwire_conn_send_begin began.
 *
 * Returns: as fdwire_conn_send, for these bytes: they were accepted or not. -EINVAL where no
 * message was begun, or for more bytes than it has left.
 */
int fdwire_conn_send_part(fdwire_conn *conn, const void *buf, size_t len, int timeout_ms);

/**
 * Sends one message whose body is the len bytes from offset on of a file, of which the connection
 * keeps a descriptor of its own as long as it needs. What of it waits is not held in memory and
 * does not count for the limit; fdwire_conn_pending counts it. The file should not change
 * meanwhile; if it is cut short, so is the message, and sending is broken: FDWIRE_E_TRUNCATED.
 *
 * Returns: as fdwire_conn_send. -EOPNOTSUPP as fdwire_conn_send_begin; -EINVAL if the file is
 * shorter than that, or no regular file; -EBADF, also if it was not opened to be read; -EMFILE;
 * -EIO and others as pread(2), which last.
 */
int fdwire_conn_send_file(fdwire_conn *conn,
                          int file_fd,
                          uint64_t offset,
                          uint64_t len,
                          int timeout_ms);

/**
 * Sends one message with count descriptors, at most 253, over a Unix socket: the receiver gets
 * them with this message. They stay the caller's, who may close them when the call has returned.
 *
 * Returns: as fdwire_conn_send. -EOPNOTSUPP: out_fd is no Unix socket; -EINVAL for a message of no
 * bytes or more than 253 descriptors, or for one that the system never sends (io_uring); -EBADF
 * for one that is not open; -EMFILE; -ETOOMANYREFS: too many are on their way: send it again when
 * the peer has received some. If it was accepted already, calls that wait try again meanwhile,
 * and fdwire_conn_flush, _shutdown and _finish say so when their time is over.
 */
int fdwire_conn_send_fds(fdwire_conn *conn,
                         const void *body,
                         size_t len,
                         const int *fds,
                         size_t count,
                         int timeout_ms);

/* ---- Packed messages on a connection ---------------------------------------------------------
 *
 * Many messages a call without a struct for each: their bodies lie one behind another, and an array
 * has their lengths. For languages in which a struct to be filled in, or a call, costs more than a
 * message does; and for several threads that receive many messages each. In Python:
 *
 *    bodies = io.BytesIO(bytes(1 << 20))
 *    room = (ctypes.c_char * (1 << 20)).from_buffer(bodies.getbuffer())
 *    lens, count = (ctypes.c_size_t * 256)(), ctypes.c_size_t()
 *    while fdwire_conn_recv_packed(conn, room, 1 << 20, lens, 256, ctypes.byref(count), -1) == 1:
 *        bodies.seek(0)
 *        for body in map(bodies.read, lens[:count.value]):
 *            handle(body)
 */

/**
 * Receives the bodies of as many messages as are there, as long as they fit into the cap bytes at
 * bodies (NULL if cap is 0), one behind another, and their lengths into the most places at lens;
 * waiting for the first message only. *count gets how many. The heads are not shown. A message
 * that brings descriptors is the last that one call gives.
 *
 * Nothing is lent, so that several threads may receive like this on one connection. A large body
 * goes straight to where it ends up, if it is the first.
 *
 * Returns: 1 at least one message; 0 and errors as fdwire_conn_recv; one behind some messages
 * comes with the next call. -ENOBUFS: the first body is longer than cap; lens[0] is the room that
 * it needs, and the message stays where it is: call again. -EINVAL also if most is 0.
 */
int fdwire_conn_recv_packed(fdwire_conn *conn,
                            void *bodies,
                            size_t cap,
                            size_t *lens,
                            size_t most,
                            size_t *count,
                            int timeout_ms);

/**
 * Sends count messages, with as few system calls as there can be: their bodies lie one behind
 * another at bodies (NULL if they are all empty), their lengths at lens (NULL if count is 0). The
 * format makes the heads.
 *
 * Returns: as fdwire_conn_send; all of them were accepted or none. -EINVAL also if the lengths
 * together are more than PTRDIFF_MAX.
 */
int fdwire_conn_send_packed(fdwire_conn *conn,
                            const void *bodies,
                            const size_t *lens,
                            size_t count,
                            int timeout_ms);

/* ---- Addresses -------------------------------------------------------------------------------
 *
 * An address is a text: "host:port" with a name or a number, "[::1]:9000", "unix:/path", and on
 * Linux "unix:@name" for a socket that has no file. Ports are numbers.
 */

/** Room enough for any address as text, its NUL included. */
#define FDWIRE_ADDRESS_MAX 128

/**
 * Connects to the first endpoint of an address that answers, each of a name's addresses in turn,
 * and each with its share of the time that is left. The descriptor is the caller's: blocking, and
 * on TCP with TCP_NODELAY, so that small messages go out at once.
 *
 * A name is looked up by the system's resolver, within the bounds of resolv.conf(5) and not of
 * timeout_ms; glibc's may end a process in which its first look-up finds no memory. Numbers and
 * Unix paths need none.
 *
 * Returns: a descriptor. -EINVAL for a text that is no address; -ENAMETOOLONG for a path that does
 * not fit; FDWIRE_E_RESOLVE; -EAGAIN, -ETIMEDOUT: no answer in time; -ENOMEM; -ECONNREFUSED,
 * -ENOENT and others as connect(2), from the last endpoint that was tried.
 */
int fdwire_connect(const char *address, int timeout_ms);

/**
 * Listens on an address. Port 0 lets the system choose one, and fdwire_local_address says which. A
 * TCP port that an earlier run has just left is free at once (SO_REUSEADDR); the file of a Unix
 * socket stays when it is closed, and the program unlinks it. backlog is how many connections may
 * wait to be accepted, 0 for as many as the system allows.
 *
 * Returns: a descriptor, blocking, the caller's. -EINVAL for a text that is no address or a
 * negative backlog; -ENAMETOOLONG for a path that does not fit; FDWIRE_E_RESOLVE; -ENOMEM;
 * -EADDRINUSE, -EACCES and others as bind(2) and listen(2).
 */
int fdwire_listen(const char *address, int backlog);

/**
 * Takes the next connection of a listening socket. It is the caller's: blocking, and on TCP with
 * TCP_NODELAY.
 *
 * Several threads may share a listener. If it is blocking and timeout_ms is not -1, one of them
 * may be left waiting past its time for a connection that another took; a non-blocking listener
 * has no such wait.
 *
 * Returns: a descriptor. -EAGAIN, -ETIMEDOUT: nobody connected in time; -EINVAL for a socket that
 * does not listen; -ENOTSOCK, -EBADF, -EMFILE and others as accept(2).
 */
int fdwire_accept(int listener, int timeout_ms);

/**
 * Writes the address that a socket is bound to, as text that fdwire_connect takes, to buf.
 * FDWIRE_ADDRESS_MAX bytes are enough for any.
 *
 * Returns: 0. -ENOBUFS if cap is too small, and nothing useful is in buf; -EINVAL for NULL, for a
 * Unix socket without a name, or with one that no text says (it is not UTF-8, has a NUL inside, or
 * is a path that begins with @), and for other families; -ENOTSOCK, -EBADF.
 */
int fdwire_local_address(int fd, char *buf, size_t cap);

/* ---- Exact bytes -----------------------------------------------------------------------------
 *
 * All of them or a reason, however many system calls it takes. *done is where to start and how far
 * it came, written on failure too: after a time-out, or an error that passes, the same call goes
 * on with no byte lost or repeated. It must be 0 at first; done may be NULL where nobody asks.
 */

/**
 * Reads until buf has len bytes (NULL if len is 0), from byte *done on.
 *
 * Returns: 1, all are there; 0, the stream ended before the first (*done is 0).
 * FDWIRE_E_TRUNCATED: it ended after *done of them. -EAGAIN, -ETIMEDOUT: call again to go on.
 * -ECONNRESET: the peer broke off. -EINVAL, also for a *done above len; -EBADF, -EPROTOTYPE, and
 * others as recv(2) and read(2).
 */
int fdwire_read_exact(int fd, void *buf, size_t len, size_t *done, int timeout_ms);

/**
 * Writes len bytes of buf (NULL if len is 0), from byte *done on.
 *
 * Returns: 0, all are with the kernel. -EAGAIN, -ETIMEDOUT: call again to go on. -EPIPE,
 * -ECONNRESET: nobody reads any more. -EINVAL, also for a *done above len; -EBADF, -EPROTOTYPE,
 * and others as send(2) and write(2).
 */
int fdwire_write_all(int fd, const void *buf, size_t len, size_t *done, int timeout_ms);

/* ---- The end --------------------------------------------------------------------------------- */

/**
 * Which direction of a socket to shut down; the values are those of SHUT_RD, SHUT_WR and
 * SHUT_RDWR.
 */
typedef enum fdwire_shut {
  /** Receiving: the next receive says that the stream has ended. */
  FDWIRE_SHUT_RD = 0,
  /**
   * Sending: the peer sees the end of the stream after all that was sent, and can still answer
   * (half-close).
   */
  FDWIRE_SHUT_WR = 1,
  /** Both. */
  FDWIRE_SHUT_RDWR = 2,
} fdwire_shut;

/**
 * Ends one direction of a socket or both, for everyone who holds it (shutdown(2)). The descriptor
 * stays open.
 *
 * Returns: 0. -EINVAL for another how; -ENOTCONN, -ENOTSOCK, -EBADF.
 */
int fdwire_shutdown(int fd, int how);

/**
 * Closes a descriptor (close(2)), once: whatever the answer, it is gone, and must not be closed
 * again.
 *
 * Closing a socket with input that nobody read resets the connection, and what was sent last may
 * never reach the peer: fdwire_finish takes care of that.
 *
 * Returns: 0. -EBADF; -EIO and others as close(2), when data written before may be lost.
 */
int fdwire_close(int fd);

/**
 * Ends a connection so that the peer gets every byte: shuts down sending, reads and drops what the
 * peer still sends until it ends as well, then closes fd. What is no socket is just closed. With
 * timeout_ms 0 it drops what is there and closes.
 *
 * fd is closed in any case but -EBADF and -EINVAL (for timeout_ms), and must not be closed again.
 *
 * Returns: 0, the peer has ended too and nothing was cut off. -ETIMEDOUT: it had not ended in time
 * (there is no -EAGAIN here), so what was sent last may be lost. -ECONNRESET: the peer broke off.
 * -ENOTCONN for a socket without a connection; -EPROTOTYPE, -EBADF, -EINVAL.
 */
int fdwire_finish(int fd, int timeout_ms);

/* ---- Byte order ------------------------------------------------------------------------------
 *
 * Numbers between the machine and the wire: "be" is big-endian, network order, "le" is
 * little-endian. hton and ntoh are those of byteorder(3) for every width. A get or put works at
 * any alignment. NULL is no crash here either: a get gives 0, a put and a copy do nothing.
 */

/** A 16-bit number from host to network order. */
uint16_t fdwire_hton16(uint16_t value);

/** A 32-bit number from host to network order. */
uint32_t fdwire_hton32(uint32_t value);

/** A 64-bit number from host to network order. */
uint64_t fdwire_hton64(uint64_t value);

/** A 16-bit number from network to host order. */
uint16_t fdwire_ntoh16(uint16_t value);

/** A 32-bit number from network to host order. */
uint32_t fdwire_ntoh32(uint32_t value);

/** A 64-bit number from network to host order. */
uint64_t fdwire_ntoh64(uint64_t value);

/** The big-endian unsigned 16-bit number in the 2 bytes at p. */
uint16_t fdwire_get_u16be(const void *p);

/** Writes value to the 2 bytes at p, big-endian. */
void fdwire_put_u16be(void *p, uint16_t value);

/** The big-endian unsigned 24-bit number in the 3 bytes at p. */
uint32_t fdwire_get_u24be(const void *p);

/** Writes the low 24 bits of value to p, big-endian. */
void fdwire_put_u24be(void *p, uint32_t value);

/** The big-endian unsigned 32-bit number in the 4 bytes at p. */
uint32_t fdwire_get_u32be(const void *p);

/** Writes value to the 4 bytes at p, big-endian. */
void fdwire_put_u32be(void *p, uint32_t value);

/** The big-endian unsigned 64-bit number in the 8 bytes at p. */
uint64_t fdwire_get_u64be(const void *p);

/** Writes value to the 8 bytes at p, big-endian. */
void fdwire_put_u64be(void *p, uint64_t value);

/** The big-endian IEEE 754 float in the 4 bytes at p. */
float fdwire_get_f32be(const void *p);

/** Writes value to the 4 bytes at p, big-endian. */
void fdwire_put_f32be(void *p, float value);

/** The big-endian IEEE 754 double in the 8 bytes at p. */
double fdwire_get_f64be(const void *p);

/** Writes value to the 8 bytes at p, big-endian. */
void fdwire_put_f64be(void *p, double value);

/** The little-endian unsigned 16-bit number in the 2 bytes at p. */
uint16_t fdwire_get_u16le(const void *p);

/** Writes value to the 2 bytes at p, little-endian. */
void fdwire_put_u16le(void *p, uint16_t value);

/** The little-endian unsigned 24-bit number in the 3 bytes at p. */
uint32_t fdwire_get_u24le(const void *p);

/** Writes the low 24 bits of value to p, little-endian. */
void fdwire_put_u24le(void *p, uint32_t value);

/** The little-endian unsigned 32-bit number in the 4 bytes at p. */
uint32_t fdwire_get_u32le(const void *p);

/** Writes value to the 4 bytes at p, little-endian. */
void fdwire_put_u32le(void *p, uint32_t value);

/** The little-endian unsigned 64-bit number in the 8 bytes at p. */
uint64_t fdwire_get_u64le(const void *p);

/** Writes value to the 8 bytes at p, little-endian. */
void fdwire_put_u64le(void *p, uint64_t value);

/** The little-endian IEEE 754 float in the 4 bytes at p. */
float fdwire_get_f32le(const void *p);

/** Writes value to the 4 bytes at p, little-endian. */
void fdwire_put_f32le(void *p, float value);

/** The little-endian IEEE 754 double in the 8 bytes at p. */
double fdwire_get_f64le(const void *p);

/** Writes value to the 8 bytes at p, little-endian. */
void fdwire_put_f64le(void *p, double value);

/**
 * Copies count 16-bit numbers from src to dst, between the host's order and big-endian (it is its
 * own inverse). Any alignment; the two may be the same or overlap. A count whose bytes are more
 * than PTRDIFF_MAX copies nothing.
 */
void fdwire_copy_be16(void *dst, const void *src, size_t count);

/** As fdwire_copy_be16, for 32-bit big-endian numbers. */
void fdwire_copy_be32(void *dst, const void *src, size_t count);

/** As fdwire_copy_be16, for 64-bit big-endian numbers. */
void fdwire_copy_be64(void *dst, const void *src, size_t count);

/** As fdwire_copy_be16, for 16-bit little-endian numbers. */
void fdwire_copy_le16(void *dst, const void *src, size_t count);

/** As fdwire_copy_be16, for 32-bit little-endian numbers. */
void fdwire_copy_le32(void *dst, const void *src, size_t count);

/** As fdwire_copy_be16, for 64-bit little-endian numbers. */
void fdwire_copy_le64(void *dst, const void *src, size_t count);

/* ---- Cursors ---------------------------------------------------------------------------------
 *
 * Records read and written field by field, with bounds and in one byte order. The first step that
 * goes wrong sets status and every later step does nothing (a read gives 0), so one check at the
 * end is enough:
 *
 *    fdwire_reader r;
 *    fdwire_reader_init(&r, body, len, FDWIRE_BIG);
 *    uint16_t id = fdwire_read_u16(&r);
 *    uint64_t when = fdwire_read_u64(&r);
 *    if (r.status < 0) ...
 *
 * A cursor is a plain struct of the caller's, and refers to the caller's buffer for as long as it
 * is used. It may be copied, to come back to a place. A NULL cursor reads 0 and writes nothing.
 */

/** Byte orders. */
typedef enum fdwire_order {
  /** Most significant byte first: network order. */
  FDWIRE_BIG = 1,
  /** Least significant byte first. */
  FDWIRE_LITTLE = 2,
} fdwire_order;

/** Reads a record. Fields are to be read by the program, and set by fdwire alone. */
typedef struct fdwire_reader {
  /** The buffer. */
  const uint8_t *bytes;
  /** Its length. */
  size_t len;
  /** How far it was read. */
  size_t pos;
  /** FDWIRE_BIG or FDWIRE_LITTLE. */
  int order;
  /**
   * 0, or why it stopped: FDWIRE_E_TRUNCATED at the end of the buffer, FDWIRE_E_MALFORMED, -EINVAL
   * from the init.
   */
  int status;
} fdwire_reader;

/** Writes a record. Fields are to be read by the program, and set by fdwire alone. */
typedef struct fdwire_writer {
  /** The buffer. */
  uint8_t *bytes;
  /** Its length. */
  size_t len;
  /** How many bytes were written. */
  size_t pos;
  /** FDWIRE_BIG or FDWIRE_LITTLE. */
  int order;
  /**
   * 0, or why it stopped: -ENOBUFS at the end of the buffer, FDWIRE_E_MALFORMED for a number that
   * does not fit its field, -EINVAL from the init or for NULL.
   */
  int status;
} fdwire_writer;

/**
 * Sets a reader to the start of len bytes (NULL if len is 0), in the order FDWIRE_BIG or
 * FDWIRE_LITTLE.
 *
 * Returns: 0; -EINVAL, which is its status as well.
 */
int fdwire_reader_init(fdwire_reader *r, const void *p, size_t len, int order);

/** The next byte. */
uint8_t fdwire_read_u8(fdwire_reader *r);

/** The next unsigned 16-bit number. */
uint16_t fdwire_read_u16(fdwire_reader *r);

/** The next unsigned 24-bit number. */
uint32_t fdwire_read_u24(fdwire_reader *r);

/** The next unsigned 32-bit number. */
uint32_t fdwire_read_u32(fdwire_reader *r);

/** The next unsigned 64-bit number. */
uint64_t fdwire_read_u64(fdwire_reader *r);

/** The next IEEE 754 float. */
float fdwire_read_f32(fdwire_reader *r);

/** The next IEEE 754 double. */
double fdwire_read_f64(fdwire_reader *r);

/**
 * The next base-128 number, low group first whatever the order (LEB128, as in Protocol Buffers).
 * One that is longer than it needs to be, or over 64 bits, is malformed.
 */
uint64_t fdwire_read_varint(fdwire_reader *r);

/**
 * The ASCII decimal digits up to the first other byte or the end of the buffer. No digit, or more
 * than 64 bits, is malformed; leading zeros are accepted.
 */
uint64_t fdwire_read_decimal(fdwire_reader *r);

/**
 * The next len bytes, where they lie in the caller's buffer.
 *
 * Returns: where they begin; NULL if there are not so many, or after an earlier fault.
 */
const uint8_t *fdwire_read_bytes(fdwire_reader *r, size_t len);

/**
 * How many bytes are left to read.
 *
 * Returns: that; 0 after a fault, or for a NULL.
 */
size_t fdwire_reader_left(const fdwire_reader *r);

/**
 * Sets a writer to the start of a buffer of len bytes (NULL if len is 0), in the order FDWIRE_BIG
 * or FDWIRE_LITTLE.
 *
 * Returns: 0; -EINVAL, which is its status as well.
 */
int fdwire_writer_init(fdwire_writer *w, void *p, size_t len, int order);

/** Writes a byte. */
void fdwire_write_u8(fdwire_writer *w, uint8_t value);

/** Writes an unsigned 16-bit number. */
void fdwire_write_u16(fdwire_writer *w, uint16_t value);

/** Writes an unsigned 24-bit number; one that does not fit is malformed. */
void fdwire_write_u24(fdwire_writer *w, uint32_t value);

/** Writes an unsigned 32-bit number. */
void fdwire_write_u32(fdwire_writer *w, uint32_t value);

/** Writes an unsigned 64-bit number. */
void fdwire_write_u64(fdwire_writer *w, uint64_t value);

/** Writes an IEEE 754 float. */
void fdwire_write_f32(fdwire_writer *w, float value);

/** Writes an IEEE 754 double. */
void fdwire_write_f64(fdwire_writer *w, double value);

/** Writes a base-128 number in its shortest form, low group first whatever the order (LEB128). */
void fdwire_write_varint(fdwire_writer *w, uint64_t value);

/** Writes ASCII decimal digits, without leading zeros. */
void fdwire_write_decimal(fdwire_writer *w, uint64_t value);

/**
 * Writes len bytes from p (NULL if len is 0), which must not lie in the writer's buffer: all of
 * them or, without room, none.
 */
void fdwire_write_bytes(fdwire_writer *w, const void *p, size_t len);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* FDWIRE_H */
