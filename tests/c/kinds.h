/* Every kind of format, and what a message of it looks like on the wire. C99, and C++. */
#ifndef KINDS_H
#define KINDS_H

#include "check.h"

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

struct kind {
  const char *text, *head, *body, *tail;
  size_t head_len, body_len, tail_len;
};

#define KIND(text, head, body, tail) \
  { text, head, body, tail, sizeof(head) - 1, sizeof(body) - 1, sizeof(tail) - 1 }

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FIVE_AS_U16NE "\5\0"
#else
#define FIVE_AS_U16NE "\0\5"
#endif

/* What a message looks like whose sender gives no head. */
static const struct kind kinds[] = {
    KIND("u8", "\5", "hello", ""),
    KIND("u8", "\0", "", ""),
    KIND("u16be", "\0\5", "hello", ""),
    KIND("u16le counts=frame", "\7\0", "hello", ""),
    KIND("u16ne", FIVE_AS_U16NE, "hello", ""),
    KIND("u24be head=9", "\0\0\13\0\0\0\0\0\0", "hello", ""),
    KIND("u32be", "\0\0\0\5", "hello", ""),
    KIND("u32be at=1 counts=field", "\0\0\0\0\11", "hello", ""),
    KIND("u32le at=3 head=12 counts=body", "\0\0\0\5\0\0\0\0\0\0\0\0", "hello", ""),
    KIND("u40be", "\0\0\0\0\5", "hello", ""),
    KIND("u48le adjust=2", "\3\0\0\0\0\0", "hello", ""),
    KIND("u56be adjust=-3", "\0\0\0\0\0\0\10", "hello", ""),
    KIND("u64be", "\0\0\0\0\0\0\0\5", "hello", ""),
    KIND("i16be", "\0\5", "hello", ""),
    KIND("i64le", "\5\0\0\0\0\0\0\0", "hello", ""),
    KIND("kafka", "\0\0\0\5", "hello", ""),
    KIND("u16be mask=0xfff0 shift=4", "\0\120", "hello", ""),
    KIND("u8 unit=4", "\2", "8 bytes.", ""),
    KIND("u8 unit=4", "\0", "", ""),
    KIND("u8 at=1 head=3 counts=body plus=u8@2*4", "\0\5\0", "hello", ""),
    KIND("u8 pad=4", "\5", "hello", "\0\0"),
    KIND("u8 pad=2", "\5", "hello", ""),
    KIND("u8 tail='\\r\\n'", "\5", "hello", "\r\n"),
    KIND("u8 pad=4 tail='!'", "\5", "hello", "\0\0!"),
    KIND("u8 head=2 counts=body tail=u8@1", "\5\0", "hello", ""),
    KIND("u8 at=2 magic='\\xff\\xfe'@0", "\377\376\5", "hello", ""),
    KIND("u8 head=3 counts=body init='\\x80'@1,'v'@2", "\5\200v", "hello", ""),
    KIND("u16be bodiless=0", "\0\5", "hello", ""),
    KIND("varint", "\5", "hello", ""),
    KIND("varint", "\310\1", HUNDRED HUNDRED, ""),
    KIND("varintbe", "\201\110", HUNDRED HUNDRED, ""),
    KIND("varint at=1 digits=4", "\0\5", "hello", ""),
    KIND("varint after=2 counts=body", "\5\0\0", "hello", ""),
    KIND("varint counts=frame", "\201\1", HUNDRED "012345678901234567890123456", ""),
    KIND("ber", "0\5", "hello", ""),
    KIND("ber", "0\201\310", HUNDRED HUNDRED, ""),
    KIND("decimal until=':'", "5:", "hello", ""),
    KIND("decimal until='\\r\\n' tail='\\r\\n'", "5\r\n", "hello", "\r\n"),
    KIND("decimal digits=4", "0005", "hello", ""),
    KIND("decimal digits=4 fill=' '", "   5", "hello", ""),
    KIND("hex until=' '", "c8 ", HUNDRED HUNDRED, ""),
    KIND("hex digits=4 counts=field bodiless=0..3", "0009", "hello", ""),
    KIND("netstring", "5:", "hello", ","),
    KIND("netstring", "0:", "", ","),
    KIND("fixed size=5", "", "hello", ""),
    KIND("fixed size=7 head=2 magic='AB'", "AB", "hello", ""),
    KIND("line", "", "hello", "\n"),
    KIND("line", "", "", "\n"),
    KIND("crlf", "", "a\nb\r", "\r\n"),
    KIND("nul", "", "a\r\nb", "\0"),
    KIND("delimited by='||',';'", "", "a|b", "||"),
    KIND("delimited by='\\r\\n.\\r\\n'", "", "a\r\n..\r\nb", "\r\n.\r\n"),
    KIND("delimited start='$' by='#' trail=2", "$", "hello", "#\0\0"),
    KIND("line eof=allow", "", "hello", "\n"),
    KIND("headers length='Content-Length'", "Content-Length: 5\r\n\r\n", "hello", ""),
    KIND("headers length='L' by='\\n' missing=empty", "L: 0\n\n", "", ""),
    KIND("select u8 { 0..125: u8; 126: u16be at=1 }", "\5", "hello", ""),
    KIND("select u8 { 0..125: u8; 126: u16be at=1 }", "\176\0\310", HUNDRED HUNDRED, ""),
    KIND("select u8 { 1: u16be at=1 pad=4; else: crlf }", "\1\0\5", "hello", ""),
    KIND("select u8 { 'h': line; else: fixed size=8 }", "", "hello", "\n"),
};
#define EACH_KIND(kind) \
  for (const struct kind *kind = kinds; kind < kinds + sizeof kinds / sizeof *kinds; kind++)

/* A head with more in it than the length; it is sent with the length filled in. */
static const struct {
  const char *given;
  struct kind kind;
} headed[] = {
    {"\0\0\0\0", KIND("u32be", "\0\0\0\5", "hello", "")},
    {"Q....", KIND("u32be at=1 counts=field", "Q\0\0\0\11", "hello", "")},
    {"\60.", KIND("varint at=1 digits=4", "\60\310\1", HUNDRED HUNDRED, "")},
    {"A.\2", KIND("u8 at=1 head=3 counts=body plus=u8@2*4", "A\5\2", "0123456789abc", "")},
    {".\3", KIND("u8 head=2 counts=body tail=u8@1", "\5\3", "hello", "\0\0\0")},
    {"\201\377", KIND("u16be mask=0x3fff", "\200\5", "hello", "")},
    {"\4.", KIND("ber", "\4\5", "hello", "")},
    {"$", KIND("delimited start='$' by='#'", "$", "hello", "#")},
    {"A: b\r\nL: 9\r\n\r\n", KIND("headers length='L'", "A: b\r\nL: 5\r\n\r\n", "hello", "")},
    {"\2..", KIND("select u8 { 1: line; 2: u16be at=1 pad=4 }", "\2\0\5", "hello", "")},
};
#define HEADED (sizeof headed / sizeof *headed)

/* Each head that is given is as long as what is made of it, but for the varint that grows. */
static inline size_t given_len(const struct kind *kind) {
  return strncmp(kind->text, "varint", 6) == 0 ? 2 : kind->head_len;
}

#endif
