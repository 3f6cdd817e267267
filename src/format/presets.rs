//! Formats of known protocols: data, one line each.

use std::ffi::CStr;

/// A format with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    name: &'static CStr,
    text: &'static CStr,
    source: &'static CStr,
}

impl Preset {
    /// What to write where a format's text is asked for.
    pub fn name(&self) -> &'static CStr {
        self.name
    }

    /// What it stands for.
    pub fn text(&self) -> &'static CStr {
        self.text
    }

    /// Where the layout is published.
    pub fn source(&self) -> &'static CStr {
        self.source
    }
}

const fn preset(name: &'static CStr, text: &'static CStr, source: &'static CStr) -> Preset {
    Preset { name, text, source }
}

pub(super) fn find(name: &[u8]) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name.to_bytes() == name)
}

/// All of them, by name.
pub const PRESETS: &[Preset] = &[
    preset(c"9p", c"u32le head=7 counts=frame", c"Plan 9 from Bell Labs, intro(5): Messages"),
    preset(c"adb", c"u32le at=12 head=24 counts=body max=1M", c"Android adb, protocol.txt: messages"),
    preset(
        c"adb-host",
        c"select u32be { else: hex digits=4; 'OKAY': fixed size=4 head=4; 'FAIL': hex at=4 digits=4 }",
        c"Android adb, OVERVIEW.TXT: client and server",
    ),
    preset(c"amp", c"u16be", c"Twisted, twisted.protocols.amp: a key or a value; an empty one ends a box"),
    preset(
        c"amqp",
        c"select u8 { 1..3, 8: u32be at=3 tail='\\xce'; 'A': fixed size=8 head=8 magic='AMQP' }",
        c"AMQP 0-9-1, 4.2.2 and 4.2.3",
    ),
    preset(
        c"amqp1",
        c"select u32be { else: u32be head=8 counts=frame init='\\x02'@4; 'AMQP': fixed size=8 head=8 }",
        c"OASIS AMQP 1.0, part 2, 2.2 and 2.3",
    ),
    preset(c"assuan", c"line max=1000", c"Developing with Assuan, 3: Implementation"),
    preset(c"beanstalkd", c"crlf max=frame:224", c"beanstalkd, doc/protocol.txt: lines, not the job behind one"),
    preset(
        c"bgp",
        c"u16be at=16 head=19 counts=frame max=frame:4096 \
          magic='\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff'",
        c"RFC 4271, 4.1",
    ),
    preset(
        c"bitcoin",
        c"u32le at=16 head=24 counts=body magic='\\xf9\\xbe\\xb4\\xd9' max=4000000",
        c"Bitcoin developer reference, P2P network: message headers (mainnet)",
    ),
    preset(c"bittorrent", c"u32be", c"BEP 3: peer messages, behind the handshake"),
    preset(c"bmp", c"u32be at=1 head=6 counts=frame magic='\\x03'", c"RFC 7854, 4.1"),
    preset(
        c"capnproto",
        c"select u32le max=64M { 0: u32le at=4 unit=8; \
          1: u32le at=4 unit=8 head=16 counts=body plus=u32le@8*8; \
          2: u32le at=4 unit=8 head=16 counts=body plus=u32le@8*8,u32le@12*8; \
          3: u32le at=4 unit=8 head=24 counts=body plus=u32le@8*8,u32le@12*8,u32le@16*8; \
          4: u32le at=4 unit=8 head=24 counts=body plus=u32le@8*8,u32le@12*8,u32le@16*8,u32le@20*8; \
          5: u32le at=4 unit=8 head=32 counts=body \
             plus=u32le@8*8,u32le@12*8,u32le@16*8,u32le@20*8,u32le@24*8; \
          6: u32le at=4 unit=8 head=32 counts=body \
             plus=u32le@8*8,u32le@12*8,u32le@16*8,u32le@20*8,u32le@24*8,u32le@28*8; \
          7: u32le at=4 unit=8 head=40 counts=body \
             plus=u32le@8*8,u32le@12*8,u32le@16*8,u32le@20*8,u32le@24*8,u32le@28*8,u32le@32*8 }",
        c"Cap'n Proto, encoding: serialization over a stream, of 1 to 8 segments",
    ),
    preset(c"cassandra", c"i32be at=5 max=frame:256M", c"CQL binary protocol v4, 2; v3 as well"),
    preset(c"chrome-native-messaging", c"u32ne max=64M", c"Chrome for Developers, native messaging; to Chrome: max=1M"),
    preset(c"clamd", c"select u8 { 'z': nul; 'n': delimited by='\\n' }", c"clamd(8): commands"),
    preset(c"clamd-instream", c"u32be max=100M", c"clamd(8): INSTREAM; clamd.conf(5): StreamMaxLength"),
    preset(c"dap", c"headers length='Content-Length'", c"Debug Adapter Protocol, overview: base protocol"),
    preset(
        c"dbus",
        c"select u8 max=frame:128M { \
          'l': u32le at=4 head=16 counts=body plus=u32le@12~8 magic='\\x01'@3; \
          'B': u32be at=4 head=16 counts=body plus=u32be@12~8 magic='\\x01'@3 }",
        c"D-Bus specification: message format",
    ),
    preset(c"dbus-auth", c"crlf", c"D-Bus specification: authentication protocol"),
    preset(
        c"dce-rpc",
        c"select u8 at=4 mask=0xf0 { \
          0x10: u16le at=8 head=16 counts=frame magic='\\x05' init='\\x03'@3; \
          0: u16be at=8 head=16 counts=frame magic='\\x05' }",
        c"The Open Group C706 (DCE 1.1 RPC), 12.6.3 and 14.1",
    ),
    preset(c"diameter", c"u24be at=1 head=20 counts=frame magic='\\x01'", c"RFC 6733, 3"),
    preset(c"dicom", c"u32be at=2", c"DICOM PS3.8, 9.3"),
    preset(
        c"distcc",
        c"select u32be { \
          'ARGV', 'CDIR', 'DOTD', 'DOTI', 'DOTO', 'FILE', 'LINK', 'NAME', 'SERR', 'SOUT': hex at=4 digits=8; \
          'ARGC', 'DIST', 'DONE', 'NFIL', 'STAT': fixed size=12 head=12 }",
        c"distcc, doc/protocol-1.txt, protocol-2.1.txt and protocol-3.txt",
    ),
    preset(c"dns", c"u16be", c"RFC 1035, 4.2.2; RFC 7766, 8"),
    preset(
        c"docker-stream",
        c"u32be at=4 magic='\\0\\0\\0'@1 init='\\x01'",
        c"Docker Engine API, attach to a container: stream format",
    ),
    preset(c"erlang-distribution", c"u32be", c"Erlang ERTS User's Guide, distribution protocol: connected nodes"),
    preset(c"erlang-handshake", c"u16be", c"Erlang ERTS User's Guide, distribution protocol: handshake"),
    preset(
        c"fastcgi",
        c"u16be at=4 head=8 counts=body tail=u8@6 magic='\\x01'",
        c"FastCGI Specification 1.0, 3.3: Records",
    ),
    preset(
        c"fix",
        c"select u8 at=5 { \
          '.': decimal at=12 until='\\x01' adjust=7 magic='8=FIX.','\\x019='@9 init='4.4'@6; \
          'T': decimal at=13 until='\\x01' adjust=7 magic='8=FIXT.','\\x019='@10 }",
        c"FIX TagValue Encoding: BeginString (8), BodyLength (9), CheckSum (10)",
    ),
    preset(
        c"gdb-remote",
        c"select u8 { '$': delimited start='$' by='#' trail=2; '%': delimited start='%' by='#' trail=2; \
          '+', '-', 3: fixed size=1 head=1 }",
        c"Debugging with GDB, Remote Protocol: Overview",
    ),
    preset(
        c"gearman",
        c"select u8 { 0: select u32be { '\\0REQ', '\\0RES': u32be at=8 }; else: line }",
        c"Gearman, PROTOCOL",
    ),
    preset(
        c"giop",
        c"select u8 at=6 mask=1 { \
          0: u32be at=8 magic='GIOP' init='\\x01\\x02'@4; 1: u32le at=8 magic='GIOP' }",
        c"CORBA, General Inter-ORB Protocol: GIOP message header",
    ),
    preset(c"git-pkt-line", c"hex digits=4 counts=frame bodiless=0..2 max=65516", c"gitprotocol-common(5): pkt-line"),
    preset(c"grpc", c"u32be at=1 max=4M", c"gRPC over HTTP2: Length-Prefixed-Message"),
    preset(c"hl7-mllp", c"delimited start='\\x0b' by='\\x1c\\r'", c"HL7, Minimal Lower Layer Protocol, release 1"),
    preset(c"http-chunk", c"hex until='\\r\\n' tail='\\r\\n'", c"RFC 9112, 7.1: without extensions and trailers"),
    preset(c"http2", c"u24be head=9 counts=body max=16K", c"RFC 9113, 4.1 and 4.2"),
    preset(c"iec-104", c"u8 at=1 head=6 magic='\\x68' max=frame:255", c"IEC 60870-5-104, 5: APCI"),
    preset(c"ipfix", c"u16be at=2 head=16 counts=frame magic='\\0\\x0a'", c"RFC 7011, 3.1"),
    preset(c"irc", c"delimited by='\\r\\n','\\n' max=frame:512", c"RFC 2812, 2.3"),
    preset(c"iscsi", c"u24be at=5 head=48 counts=body plus=u8@4*4 pad=4", c"RFC 7143, 11.2: without digests"),
    preset(c"kafka", c"i32be max=100M", c"Apache Kafka, A Guide to the Kafka Protocol: RequestOrResponse"),
    preset(c"ldap", c"ber magic='0'", c"RFC 4511, 5.1"),
    preset(c"lsp", c"headers length='Content-Length'", c"Language Server Protocol: base protocol"),
    preset(
        c"lumberjack",
        c"select u8 at=1 { 'J': u32be at=6 magic='2'; 'C': u32be at=2 magic='2'; \
          'A', 'W': fixed size=6 head=6 magic='2' }",
        c"Elastic go-lumber, protocol v2; logstash-input-beats, PROTOCOL.md",
    ),
    preset(c"memcached", c"crlf", c"memcached, doc/protocol.txt: lines, not the data behind one"),
    preset(
        c"memcached-binary",
        c"select u8 { 0x80, 0x81: u32be at=8 head=24 counts=body }",
        c"memcached, BinaryProtocolRevamped",
    ),
    preset(c"minecraft", c"varint digits=3 overlong=allow", c"Minecraft Wiki, Java Edition protocol: packet format"),
    preset(
        c"modbus",
        c"u16be at=4 head=7 magic='\\0\\0'@2 max=frame:260",
        c"MODBUS Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3",
    ),
    preset(c"mongodb", c"i32le head=16 counts=frame max=frame:48000000", c"MongoDB Wire Protocol: message header"),
    preset(c"mpeg-ts", c"fixed size=188 head=4 magic='G'", c"ISO/IEC 13818-1, 2.4.3.2"),
    preset(c"mqtt", c"varint at=1 digits=4 max=256M", c"MQTT 3.1.1, 2.2.3; MQTT 5.0, 1.5.5 and 2.1.4"),
    preset(c"mumble", c"u32be at=2 max=8388607", c"Mumble, docs/dev/network-protocol: protocol stack (TCP)"),
    preset(c"mysql", c"u24le head=4 counts=body", c"MySQL client/server protocol: Protocol::Packet"),
    preset(c"nats", c"crlf", c"NATS client protocol: lines, not the payload behind one"),
    preset(c"nbd-option", c"u32be at=12 magic='IHAVEOPT'", c"NBD, doc/proto.md: newstyle negotiation"),
    preset(
        c"nbd-option-reply",
        c"u32be at=16 magic='\\0\\x03\\xe8\\x89\\x04\\x55\\x65\\xa9'",
        c"NBD, doc/proto.md: fixed newstyle negotiation",
    ),
    preset(
        c"nbd-reply",
        c"select u32be max=33554440 { 0x668e33ef: u32be at=16; 0x67446698: fixed size=16 head=16 }",
        c"NBD, doc/proto.md: replies once structured replies are negotiated",
    ),
    preset(
        c"nbd-request",
        c"select u16be at=6 max=32M { 1: u32be at=24 magic='\\x25\\x60\\x95\\x13'; \
          else: fixed size=28 head=28 magic='\\x25\\x60\\x95\\x13' }",
        c"NBD, doc/proto.md: request message",
    ),
    preset(c"netbios", c"u24be at=1 mask=0x1ffff", c"RFC 1002, 4.3.1"),
    preset(c"netconf", c"delimited by=']]>]]>'", c"RFC 6242, 4.3"),
    preset(
        c"netconf-chunk",
        c"select u8 at=2 { '#': fixed size=4 head=4 magic='\\n##\\n'; \
          else: decimal at=2 until='\\n' overlong=refuse magic='\\n#' }",
        c"RFC 6242, 4.2",
    ),
    preset(c"nng-ipc", c"u64be at=1 magic='\\x01'", c"nanomsg, sp-ipc-mapping-01; nng_ipc(7)"),
    preset(c"nng-tcp", c"u64be", c"nanomsg, sp-tcp-mapping-01; nng_tcp(7)"),
    preset(c"nvme-tcp", c"u32le at=4 counts=frame", c"NVM Express TCP Transport Specification: PDU common header"),
    preset(c"opc-ua", c"u32le at=4 counts=frame", c"OPC UA part 6, 7.1.2"),
    preset(c"openflow", c"u16be at=2 head=8 counts=frame", c"OpenFlow Switch Specification 1.3, 7.1"),
    preset(c"postgres", c"i32be at=1 counts=field max=1G", c"PostgreSQL, Frontend/Backend Protocol: message formats"),
    preset(
        c"postgres-startup",
        c"i32be head=8 counts=frame init='\\0\\x03\\0\\0'@4 max=frame:10004",
        c"PostgreSQL, Frontend/Backend Protocol: StartupMessage",
    ),
    preset(
        c"protobuf-delimited",
        c"varint digits=5 overlong=allow",
        c"Protocol Buffers, parseDelimitedFrom and writeDelimitedTo",
    ),
    preset(
        c"python-multiprocessing",
        c"select u32be { else: i32be; 0xffffffff: u64be at=4 }",
        c"CPython, Lib/multiprocessing/connection.py: Connection",
    ),
    preset(c"qmp", c"line", c"QEMU Machine Protocol Specification: what the server sends"),
    preset(
        c"rdp",
        c"select u8 mask=3 { 3: u16be at=2 head=4 counts=frame magic='\\x03'; \
          0: select u8 at=1 mask=0x80 { 0: u8 at=1 counts=frame; 0x80: u16be at=1 mask=0x7fff counts=frame } }",
        c"MS-RDPBCGR, 2.2.9.1; RFC 1006, 6",
    ),
    preset(
        c"redis",
        c"select u8 { else: crlf max=64K; \
          '$', '=', '!': decimal at=1 until='\\r\\n' tail='\\r\\n' bodiless=-1 max=512M }",
        c"Redis serialization protocol specification",
    ),
    preset(
        c"rfb-client",
        c"select u8 { 0: fixed size=20 head=1; 2: u16be at=2 unit=4; 3: fixed size=10 head=1; \
          4: fixed size=8 head=1; 5: fixed size=6 head=1; 6: u32be at=4 }",
        c"RFC 6143, 7.5",
    ),
    preset(c"rpki-rtr", c"u32be at=4 counts=frame", c"RFC 8210, 5"),
    preset(c"rsocket", c"u24be", c"RSocket protocol: framing protocol usage"),
    preset(
        c"rtsp",
        c"select u8 { '$': u16be at=2; else: headers length='Content-Length' missing=empty }",
        c"RFC 2326, 10.12; RFC 7826, 14",
    ),
    preset(c"scgi", c"netstring", c"SCGI, A Simple Common Gateway Interface alternative: the header"),
    preset(c"smb", c"u24be at=1 magic='\\0'", c"MS-SMB2, 2.1"),
    preset(c"smpp", c"u32be head=16 counts=frame", c"SMPP 3.4, 3.2"),
    preset(c"snmp", c"ber magic='0'", c"RFC 3430, 2.1"),
    preset(c"someip", c"u32be at=4 head=16 magic='\\x01'@12", c"AUTOSAR, SOME/IP Protocol Specification: header"),
    preset(c"source-rcon", c"i32le head=12 max=frame:4100", c"Valve Developer Community, Source RCON Protocol"),
    preset(c"spamd", c"headers length='Content-length' missing=empty", c"SpamAssassin, spamd/PROTOCOL"),
    preset(c"ssh-agent", c"u32be max=256K", c"draft-ietf-sshm-ssh-agent: messages; OpenSSH, AGENT_MAX_LEN"),
    preset(
        c"stun",
        c"select u8 mask=0xc0 { 0: u16be at=2 head=20 counts=body magic='\\x21\\x12\\xa4\\x42'@4; \
          0x40: u16be at=2 pad=4 }",
        c"RFC 8489, 5; RFC 8656, 12.4 and 12.5 (TURN)",
    ),
    preset(c"sunrpc", c"u32be mask=0x7fffffff init='\\x80'", c"RFC 5531, 11"),
    preset(
        c"syslog",
        c"select u8 { 0x30..0x39: decimal until=' ' overlong=refuse; else: line }",
        c"RFC 6587, 3.4; RFC 5425, 4.3",
    ),
    preset(c"tacacs", c"u32be at=8 init='\\xc0' max=frame:64K", c"RFC 8907, 4.1"),
    preset(
        c"tarantool",
        c"select u8 { 0..127: u8; 0xcc: u8 at=1; 0xcd: u16be at=1; 0xce: u32be at=1; 0xcf: u64be at=1 }",
        c"Tarantool, binary protocol (IPROTO): packet structure",
    ),
    preset(c"tds", c"u16be at=2 head=8 counts=frame init='\\x01'@1 max=frame:32767", c"MS-TDS, 2.2.3.1"),
    preset(c"thrift-framed", c"i32be max=16384000", c"Apache Thrift, thrift-rpc.md and thrift-tconfiguration.md"),
    preset(
        c"tls-record",
        c"u16be at=3 magic='\\x03'@1 init='\\x17\\x03\\x03' max=18432",
        c"RFC 8446, 5; RFC 5246, 6.2",
    ),
    preset(c"tpkt", c"u16be at=2 counts=frame magic='\\x03'", c"RFC 1006, 6"),
    preset(c"varlink", c"nul", c"varlink.org, method call"),
    preset(
        c"varnish-cli",
        c"decimal at=4 digits=8 fill=' ' until='\\n' tail='\\n' magic=' '@3 init='200'",
        c"varnish-cli(7): what the server sends",
    ),
    preset(c"wayland", c"u32ne at=4 mask=0xffff0000 shift=16 counts=frame", c"Wayland, protocol: wire format"),
    preset(
        c"websocket",
        c"select u8 at=1 { \
          0..125: u8 at=1 init='\\x82'; \
          126: u16be at=2 init='\\x82'; \
          127: i64be at=2 init='\\x82'; \
          128..253: u8 at=1 mask=0x7f head=6 counts=body; \
          254: u16be at=2 head=8 counts=body; \
          255: i64be at=2 head=14 counts=body }",
        c"RFC 6455, 5.2",
    ),
    preset(
        c"x11-reply",
        c"select u8 { 1, 35: u32ne at=4 head=32 unit=4 counts=body; else: fixed size=32 head=32 }",
        c"X Window System Protocol, 1: Syntax; X Generic Event Extension",
    ),
    preset(
        c"x11-request",
        c"select u16ne at=2 { else: u16ne at=2 unit=4 counts=frame; 0: u32ne at=4 unit=4 counts=frame }",
        c"X Window System Protocol, 1: Syntax; Big Requests Extension",
    ),
    preset(
        c"zabbix",
        c"select u8 at=4 mask=4 max=1G { 0: u32le at=5 head=13 counts=body magic='ZBXD' init='\\x01'@4; \
          4: u64le at=5 head=21 counts=body magic='ZBXD' init='\\x01'@4 }",
        c"Zabbix manual, protocols: header",
    ),
    preset(
        c"zmtp",
        c"select u8 { 0, 1, 4: u8 at=1; 2, 3, 6: i64be at=1; 0xff: fixed size=64 head=64 magic='\\x7f'@9 }",
        c"ZeroMQ RFC 23/ZMTP 3.0 and 37/ZMTP 3.1",
    ),
    preset(c"zookeeper", c"i32be max=1048575", c"Apache ZooKeeper, Administrator's Guide: jute.maxbuffer"),
];
