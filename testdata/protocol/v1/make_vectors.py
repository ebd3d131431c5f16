#!/usr/bin/env python3
"""Makes the test vectors of contract version 1, without any code of Gatehouse.

Standard library only; the arithmetic below is written from the RFCs and is checked against their
published vectors (rfc.json) before anything is written. It is slow and leaks timing: use it for
nothing but this.

    python3 make_vectors.py           write vectors that are missing, and SUMS
    python3 make_vectors.py --check   write nothing; fail when a file differs from what would be made

A vector that is already there is never changed: peers in the field speak those bytes. Add new ones.
"""
import base64
import hashlib
import hmac
import json
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# ---- Ed25519, RFC 8032 section 5.1 ----

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
BY = 4 * pow(5, P - 2, P) % P


def recover_x(y, sign):
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return P - x if x & 1 != sign else x


BASE = (recover_x(BY, 0), BY, 1, recover_x(BY, 0) * BY % P)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(n, p):
    out = (0, 1, 1, 0)
    while n:
        if n & 1:
            out = add(out, p)
        p, n = add(p, p), n >> 1
    return out


def compress(p):
    inverse = pow(p[2], P - 2, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def ed_secret(seed):
    h = hashlib.sha512(seed).digest()
    return int.from_bytes(h[:32], "little") & (1 << 254) - 8 | 1 << 254, h[32:]


def ed_public(seed):
    return compress(multiply(ed_secret(seed)[0], BASE))


def ed_sign(seed, message):
    a, prefix = ed_secret(seed)
    public = ed_public(seed)
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
    point = compress(multiply(r, BASE))
    k = int.from_bytes(hashlib.sha512(point + public + message).digest(), "little") % L
    return point + ((r + k * a) % L).to_bytes(32, "little")


# ---- X25519, RFC 7748 section 5 ----


def x25519(scalar, u):
    k = int.from_bytes(scalar, "little") & (1 << 254) - 8 | 1 << 254
    x1 = int.from_bytes(u, "little") & (1 << 255) - 1
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in reversed(range(255)):
        bit = k >> t & 1
        if swap ^ bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
        swap = bit
        a, b = (x2 + z2) % P, (x2 - z2) % P
        c, d = (x3 + z3) % P, (x3 - z3) % P
        aa, bb, da, cb = a * a % P, b * b % P, d * a % P, c * b % P
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        e = (aa - bb) % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


NINE = (9).to_bytes(32, "little")

# ---- HKDF, RFC 5869 ----


def hkdf_extract(salt, ikm):
    return hmac.new(salt or bytes(32), ikm, hashlib.sha256).digest()


def hkdf_expand(prk, info, length):
    out, block, i = b"", b"", 1
    while len(out) < length:
        block = hmac.new(prk, block + info + bytes([i]), hashlib.sha256).digest()
        out, i = out + block, i + 1
    return out[:length]


# ---- ChaCha20-Poly1305, RFC 8439 ----


def chacha_block(key, counter, nonce):
    def rotate(v, n):
        return v << n & 0xFFFFFFFF | v >> 32 - n

    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = s[x] + s[y] & 0xFFFFFFFF
            s[z] = rotate(s[z] ^ s[x], n)

    start = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) + nonce))
    s = start[:]
    for _ in range(10):
        for i in range(4):
            quarter(i, i + 4, i + 8, i + 12)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<16I", *(a + b & 0xFFFFFFFF for a, b in zip(s, start)))


def chacha20(key, counter, nonce, data):
    out = bytearray()
    for i in range(0, len(data), 64):
        stream = chacha_block(key, counter + i // 64, nonce)
        out += bytes(a ^ b for a, b in zip(data[i : i + 64], stream))
    return bytes(out)


def poly1305(key, message):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    acc = 0
    for i in range(0, len(message), 16):
        acc = (acc + int.from_bytes(message[i : i + 16] + b"\x01", "little")) * r % (2**130 - 5)
    return (acc + int.from_bytes(key[16:], "little") & (1 << 128) - 1).to_bytes(16, "little")


def aead_seal(key, nonce, aad, plain):
    def pad(b):
        return b + bytes(-len(b) % 16)

    ct = chacha20(key, 1, nonce, plain)
    tail = struct.pack("<QQ", len(aad), len(ct))
    return ct + poly1305(chacha_block(key, 0, nonce)[:32], pad(aad) + pad(ct) + tail)


# ---- HPKE base mode, RFC 9180: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305 ----


def hpke_seal(recipient, ephemeral, info, aad, plain):
    """enc ‖ ciphertext of the first message to the public key recipient."""
    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x03"

    def extract(who, salt, label, ikm):
        return hkdf_extract(salt, b"HPKE-v1" + who + label + ikm)

    def expand(who, prk, label, context, n):
        return hkdf_expand(prk, struct.pack(">H", n) + b"HPKE-v1" + who + label + context, n)

    enc = x25519(ephemeral, NINE)
    shared = expand(kem, extract(kem, b"", b"eae_prk", x25519(ephemeral, recipient)), b"shared_secret", enc + recipient, 32)
    context = b"\x00" + extract(suite, b"", b"psk_id_hash", b"") + extract(suite, b"", b"info_hash", info)
    secret = extract(suite, shared, b"secret", b"")
    key = expand(suite, secret, b"key", context, 32)
    nonce = expand(suite, secret, b"base_nonce", context, 12)
    return enc + aead_seal(key, nonce, aad, plain)


# ---- DSSE v1 and zstd (RFC 8878) without compression ----


def pae(kind, payload):
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def zstd_header(size):
    """A frame header: single segment, content size in 4 bytes, no checksum."""
    return bytes.fromhex("28b52ffd") + b"\xa0" + struct.pack("<I", size)


def zstd_raw(data):
    out, step = zstd_header(len(data)), 100000
    for i in range(0, len(data), step):
        part = data[i : i + step]
        out += struct.pack("<I", len(part) << 3 | 0 << 1 | (i + step >= len(data)))[:3] + part
    return out


def zstd_zeros(blocks, declared=None):
    """blocks × 128 KiB of zeros in 4 bytes each; with a declared size, or with none and a window."""
    head = bytes.fromhex("28b52ffd") + b"\x00\x48" if declared is None else zstd_header(declared)  # 0x48: window 512 KiB
    for i in range(blocks):
        head += struct.pack("<I", (128 << 10) << 3 | 1 << 1 | (i == blocks - 1))[:3] + b"\x00"
    return head


def self_test():
    with open(os.path.join(HERE, "rfc.json"), encoding="utf-8") as f:
        rfc = json.load(f)
    x = bytes.fromhex
    done = 0
    for kind, cases in rfc.items():
        if kind == "what":
            continue
        for c in cases:
            if kind == "ed25519":
                ok = ed_public(x(c["seed"])).hex() == c["public"] and ed_sign(x(c["seed"]), x(c["message"])).hex() == c["signature"]
            elif kind == "x25519":
                ok = x25519(x(c["scalar"]), x(c["u"])).hex() == c["out"]
            elif kind == "hkdf":
                prk = hkdf_extract(x(c["salt"]), x(c["ikm"]))
                ok = prk.hex() == c["prk"] and hkdf_expand(prk, x(c["info"]), len(c["okm"]) // 2).hex() == c["okm"]
            elif kind == "chacha20poly1305":
                ok = aead_seal(x(c["key"]), x(c["nonce"]), x(c["aad"]), x(c["plain"])).hex() == c["sealed"]
            elif kind == "hpke":
                to = x25519(x(c["recipient"]), NINE)
                ok = hpke_seal(to, x(c["ephemeral"]), x(c["info"]), x(c["aad"]), x(c["plain"])).hex() == c["enc"] + c["sealed"]
            else:
                ok = pae(c["type"], c["payload"].encode()).decode() == c["pae"]
            if not ok:
                sys.exit("this script is wrong: it does not reproduce %s, %s" % (kind, c["source"]))
            done += 1
    print("%d published vectors reproduced" % done)


# ---- the contract, as its description has it ----

DOWN, UP = "application/vnd.gatehouse.v1.down", "application/vnd.gatehouse.v1.up"
INFO = b"gatehouse/v1 down"
GATEWAY, OTHER = "gw-7f3k2a", "gw-0other"
ISSUED = "2026-11-22T15:04:05Z"


def seed(name):
    return hashlib.sha256(b"gatehouse test vectors v1: " + name.encode()).digest()


def key_id(public):
    return hashlib.sha256(public).hexdigest()[:16]


CLOUD, CLOUD2, STRANGER, BOX = seed("cloud"), seed("cloud, next"), seed("stranger"), seed("gateway signing")
SEALING, ELSEWHERE = seed("gateway sealing"), seed("another gateway's sealing")


def public_of(sealing):
    return x25519(sealing, NINE)


def text(v):
    """Compact JSON. Like the programs, it escapes <, > and &."""
    s = json.dumps(v, ensure_ascii=False, separators=(",", ":"))
    for c in "<>&\u2028\u2029":
        s = s.replace(c, "\\u%04x" % ord(c))
    return s


class Raw(str):
    """A value whose JSON text is fixed."""


def body_text(body):
    """Like text, but with Raw values as they are."""
    if isinstance(body, Raw):
        return str(body)
    if isinstance(body, dict):
        return "{" + ",".join(text(k) + ":" + body_text(v) for k, v in body.items()) + "}"
    if isinstance(body, list):
        return "[" + ",".join(body_text(v) for v in body) + "]"
    return text(body)


def envelope(kind, payload, *seeds):
    signed = pae(kind, payload)
    signatures = [{"keyid": key_id(ed_public(s)), "sig": b64(ed_sign(s, signed))} for s in seeds]
    return {"payloadType": kind, "payload": b64(payload), "signatures": signatures}


def b64(b):
    return base64.b64encode(b).decode()


def frame(header, body):
    return struct.pack(">I", len(header)) + header + body


def header(kind, signer, to=None, zipped=False, **more):
    h = {"v": 1, "type": kind, "gw": GATEWAY}
    for k in ("epoch", "rev", "base", "chunk", "of"):
        if more.get(k):
            h[k] = more.pop(k)
    h["iat"], h["key"] = ISSUED, key_id(ed_public(signer))
    if to is not None:
        h["to"] = key_id(public_of(to))
    if zipped:
        h["zip"] = True
    h.update(more)
    return h


def seal(name, head, plain, to=SEALING, aad=None):
    """One frame down. The ephemeral key is fixed by the vector's name."""
    aad = head if aad is None else aad
    return frame(head, hpke_seal(public_of(to), seed("ephemeral " + name), INFO, aad, plain))


def down(name, kind, body, signer=CLOUD, **more):
    """(header, plain, message) of a good message down."""
    plain = body_text(body).encode()
    zipped = len(plain) > 1024
    h = header(kind, signer, SEALING, zipped, **more)
    return h, plain, text(envelope(DOWN, seal(name, text(h).encode(), zstd_raw(plain) if zipped else plain), signer))


def up(kind, body, signer=BOX, **more):
    plain = body_text(body).encode()
    zipped = len(plain) > 1024
    h = header(kind, signer, None, zipped, **more)
    return h, plain, text(envelope(UP, frame(text(h).encode(), zstd_raw(plain) if zipped else plain), signer))


# ---- an invented property ----


def item(kind, /, **v):
    return {"k": kind, "id": v["id"], "v": Raw(text(v))}


def people():
    first = [("p-1", "resident", "Amara", "Okafor"), ("p-2", "resident", "Zoë", "Núñez-Þór"), ("p-3", "occupant", "Lou", "Ng"), ("p-4", "vendor", "", "")]
    out = []
    for n, (id, kind, given, family) in enumerate(first):
        v = {"id": id, "kind": kind}
        if given:
            v.update(first=given, last=family, email="%s@example.com" % id, phones=["+1555010%d" % n])
        else:
            v["company"] = "Sparkle & Sons <Cleaning>"
        if id == "p-2":
            v["directory"] = "unlisted"
        out.append(item("person", **v))
    return out


def places():
    return [
        item("property", id="prop-1", name="Juniper Court", zone="America/New_York"),
        item("building", id="b-1", name="North"),
        item("unit", id="u-0101", building="b-1", name="0101"),
        item("unit", id="u-0102", building="b-1", name="0102", slots=20),
        item("door", id="d-main", name="Main entrance"),
        item("door", id="d-0101", name="0101", unit="u-0101"),
        item("schedule", id="s-pool", name="Pool hours", weekly=[{"days": [0, 6], "start": "09:00", "end": "24:00"}, {"days": [1, 2, 3, 4, 5], "start": "22:00", "end": "02:00"}], holidays=["2026-12-25"]),
        item("group", id="g-common", name="Common doors", doors=["d-main"], common=True),
        item("group", id="g-pool", name="Pool", doors=["d-main", "d-0101"], schedule="s-pool", shareable=True),
    ]


def holdings():
    return [
        item("residency", id="r-1", person="p-1", unit="u-0101", **{"from": "2025-06-01T04:00:00Z"}),
        item("residency", id="r-2", person="p-2", unit="u-0102", **{"from": "2026-12-01T05:00:00Z", "until": "2027-11-30T17:00:00Z"}),
        item("credential", id="c-1", person="p-1", kind="pin", secret="47110"),
        item("credential", id="c-2", person="p-1", kind="card", secret="04A1B2C3D4E5F6"),
        item("credential", id="c-3", person="p-2", kind="pin", secret="80246"),
        item("credential", id="c-4", person="p-3", kind="mobile"),
        item("grant", id="gr-1", person="p-1", group="g-common", **{"from": "2025-06-01T04:00:00Z"}, reason="lives in 0101"),
        item("grant", id="gr-2", person="p-2", unit="u-0102", **{"from": "2026-12-01T05:00:00Z", "until": "2027-11-30T17:00:00Z"}, ends="move_out", reason="moves into 0102"),
        item("grant", id="gr-3", person="p-4", door="d-main", **{"from": "2026-11-23T14:00:00Z", "until": "2026-11-23T17:00:00Z"}, ends="visit", uses=2, reason="cleaning"),
    ]


DIGEST_KEY = seed("digest key")


class Digest:
    def __init__(self):
        self.sum, self.items = bytes(32), {}

    def toggle(self, it):
        raw = it["k"].encode() + b"\0" + it["id"].encode() + b"\0" + str(it["v"]).encode()
        one = hmac.new(DIGEST_KEY, raw, hashlib.sha256).digest()
        self.sum = bytes(a ^ b for a, b in zip(self.sum, one))

    def apply(self, put, gone=()):
        for it in put:
            if (it["k"], it["id"]) in self.items:
                self.toggle(self.items[it["k"], it["id"]])
            self.items[it["k"], it["id"]] = it
            self.toggle(it)
        for k in gone:
            self.toggle(self.items.pop((k["k"], k["id"])))
        return self.sum.hex()


def link(prev, raw):
    return hashlib.sha256(b"gatehouse event v1\0" + prev + raw.encode()).digest()


def state(digest, put=(), gone=(), intended=False, nonce=""):
    s = {"digest_key": b64(DIGEST_KEY), "digest": digest}
    if intended:
        s["intended"] = True
    if nonce:
        s["nonce"] = nonce
    if put:
        s["put"] = list(put)
    if gone:
        s["gone"] = list(gone)
    return s


# ---- the files ----


class Files:
    def __init__(self):
        self.made = {}

    def keys(self, direction):
        if direction == "down":
            return {"trusted": [ed_public(CLOUD).hex(), ed_public(CLOUD2).hex()], "sealing": SEALING.hex(), "gateway": GATEWAY}
        return {"trusted": [ed_public(BOX).hex()], "gateway": GATEWAY}

    def good(self, path, what, made, known=None):
        h, plain, message = made
        v = {"name": path.replace("/", " "), "what": what, "direction": path.split("/")[0], "keys": self.keys(path.split("/")[0]), "message": message,
             "want": {"header": h, "body": Raw(plain.decode())}}
        if known is not None:
            v["known"] = known
        self.put(path, v)

    def bad(self, path, what, reason, message, pad=0):
        v = {"name": path.replace("/", " "), "what": what, "direction": path.split("/")[0], "keys": self.keys(path.split("/")[0]), "message": message, "refused": reason}
        if pad:
            v["pad"] = pad
        self.put(path, v)

    def put(self, path, v):
        lines = ["%s:%s" % (text(k), body_text(x)) for k, x in v.items()]
        self.made[path + ".json"] = ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def make_down(f):
    d = Digest()
    first, second = places() + people()[:2], people()[2:] + holdings()
    full = d.apply(first + second)
    at = {"epoch": 3, "rev": 1042, "of": 2}
    f.good("down/state-snapshot-1of2", "first half of a snapshot: places and two people", down("s1", "state", state(full, first, nonce="n-41c2"), chunk=1, **at))
    f.good("down/state-snapshot-2of2", "second half: people, residencies, PIN, card and mobile, grants", down("s2", "state", state(full, second, nonce="n-41c2"), chunk=2, **at))
    put = [item("credential", id="c-3", person="p-2", kind="pin", secret="13579"), item("person", id="p-5", kind="staff", first="Ida", last="Berg", directory="left_off")]
    gone = [{"k": "credential", "id": "c-2"}, {"k": "grant", "id": "gr-3"}]
    f.good("down/state-delta", "a PIN changes, a person comes, a card and a visit go", down("s3", "state", state(d.apply(put, gone), put, gone, True), epoch=3, rev=1043, base=1042, chunk=1, of=1))
    f.good("down/state-nothing-new", "base is the revision, no items: nothing new, in answer to a hello", down("s4", "state", state(d.sum.hex(), nonce="n-77aa"), epoch=3, rev=1043, base=1043, chunk=1, of=1))
    newer_put = [{"k": "parcel_locker", "id": "pl-1", "v": Raw('{"id":"pl-1","size":{"w":40,"h":60}}')},
                 {"k": "person", "id": "p-5", "v": Raw('{"id":"p-5","kind":"staff","nickname":"Idi","first":"Ida","last":"Berg"}')},
                 {"k": "person", "id": "p-6", "v": Raw('{ "id":"p-6", "kind":"visitor", "first":"<Bo & \\u004ci>\u2028" }')}]
    newer = dict(state(d.apply(newer_put), newer_put), urgency=2)
    f.good("down/state-from-newer-cloud", "unknown kind, unknown fields in a record, the body and the header, white space and characters we would escape: the raw bytes stay as they are",
           down("s5", "state", newer, epoch=3, rev=1044, base=1043, chunk=1, of=1, hint="x"), known={"ids": ["", "p-5", "p-6"]})
    f.good("down/state-rotated-key", "signed with the second of two active keys", down("s6", "state", state(d.sum.hex()), CLOUD2, epoch=3, rev=1044, base=1044, chunk=1, of=1))
    f.good("down/receipt", "every event up to 90210 is committed", down("r1", "receipt", {"through": 90210, "nonce": "n-77aa"}))
    f.good("down/receipt-none", "nothing is committed yet", down("r2", "receipt", {"through": 0}))
    f.good("down/command", "open a door", down("c1", "command", {"id": "cmd-9", "deadline": "2026-11-22T15:04:15.25Z", "do": "open_door", "args": {"door": "d-main", "hold": 5}}))
    f.good("down/command-bare", "an audit; no arguments", down("c2", "command", {"id": "cmd-10", "deadline": "2026-11-22T16:00:00Z", "do": "audit"}))
    f.good("down/type-from-newer-cloud", "a type of message this version does not know opens; the receiver ignores it", down("t1", "forecast", {"rain": True}), known={"type": "forecast"})


def make_up(f):
    digest, prev = hashlib.sha256(b"any").hexdigest(), hashlib.sha256(b"before").digest()
    clock = {"trusted": True, "source": "ntp", "now": ISSUED}
    f.good("up/hello", "a box that has revision 1043", up("hello", {"protocol": 1, "software": "0.1.0", "epoch": 3, "rev": 1043, "digest": digest, "boot": "b-1", "nonce": "n-77aa", "clock": clock, "waiting": 12}))
    f.good("up/hello-empty", "a new box: no state, clock not trusted", up("hello", {"protocol": 1, "software": "0.1.0", "epoch": 0, "rev": 0, "digest": "00" * 32, "boot": "b-1", "nonce": "n-1", "clock": {"trusted": False, "source": "none", "now": "1970-01-01T00:02:00Z"}, "waiting": 0}))
    f.good("up/hello-from-newer-gateway", "fields that this version does not know", up("hello", {"protocol": 2, "software": "9.0.0", "epoch": 3, "rev": 1043, "digest": digest, "boot": "b-1", "nonce": "n-2", "clock": dict(clock, drift=0.2), "waiting": 0, "mood": "sunny"}), known={"protocol": 2})
    f.good("up/ack", "revision 1043 is stored", up("ack", {"epoch": 3, "revision": 1043, "digest": digest, "at": ISSUED}))
    raw = [Raw(text(e)) for e in events()]
    f.good("up/event", "a batch of every kind, chained", up("event", {"first": 90204, "prev": prev.hex(), "events": raw}))
    links = []
    for r in raw:
        prev = link(prev, r)
        links.append(prev.hex())
    f.put("chain", {"name": "chain", "what": "the link after each event of up/event", "links": links})
    f.good("up/event-none", "an empty batch", up("event", {"first": 1, "prev": "00" * 32, "events": []}))
    f.good("up/event-doors", "what happened at doors; the last is of a kind and with a field that this version does not know", up("event", {"first": 90211, "prev": prev.hex(), "events": [Raw(text(e)) for e in door_events()]}))
    devices = [{"id": "lobby", "kind": "akuvox", "name": "Lobby", "model": "X916", "firmware": "916.30.1.52", "doors": {"d-0101": "B", "d-main": "A"}, "features": ["door_release", "schedules"], "people": 10000},
               {"id": "enc-1", "kind": "encoder", "doors": {}}]
    f.good("up/inventory", "two devices", up("inventory", {"number": 7, "devices": devices}))
    f.good("up/reply", "a command done", up("reply", {"id": "cmd-9", "result": "done", "at": ISSUED}))
    f.good("up/reply-refused", "a command refused", up("reply", {"id": "cmd-11", "result": "refused", "fault": "unsupported", "message": "the panel <lobby> has no relay C & D", "at": "2026-11-22T10:04:05.123456789-05:00"}))
    f.put("status", {"name": "status", "what": "retained and unsigned; the last will has no time", "messages": [Raw('{"online":true,"boot":"b-1","number":4,"at":"2026-11-22T15:04:05Z"}'), Raw('{"online":false,"boot":"b-1","number":4}')]})


def events():
    kinds = [
        {"kind": "started", "boot": "b-1"},
        {"kind": "state", "epoch": 3, "revision": 1043},
        {"kind": "written", "boot": "b-1", "device": "lobby", "person": "p-2", "op": "change", "epoch": 3, "revision": 1043, "attempt": 1},
        {"kind": "confirmed", "boot": "b-1", "device": "lobby", "person": "p-2", "op": "change", "grade": "exact", "epoch": 3, "revision": 1043},
        {"kind": "failed", "device": "garage", "person": "p-2", "op": "remove", "revision": 1043, "attempt": 2, "next_try": "2026-11-22T15:05:00Z", "fault": "unreachable", "message": "dial tcp: no route <to> host & so on"},
        {"kind": "door", "device": "lobby", "person": "p-1", "door": "d-main", "granted": True},
        {"kind": "lost", "first": 80000, "last": 80100},
    ]
    out = []
    for n, e in enumerate(kinds):
        v = {"n": 90204 + n, "kind": e.pop("kind"), "at": "2026-11-22T15:0%d:00Z" % n, "recorded": "2026-11-22T15:0%d:00.5Z" % n}
        if n == 0:
            v["unsure"] = True
        out.append(dict(v, **e))
    return out


def door_events():
    kinds = [
        {"kind": "door", "device": "lobby", "person": "p-1", "door": "d-main", "granted": True, "how": "pin", "device_time": "2026-11-22T15:10:00Z", "log": "20261122T151000Z-00112233445566ff-1"},
        {"kind": "door", "device": "lobby", "message": "the device's clock is wrong", "how": "card", "device_time": "2026-11-22T09:11:00Z", "log": "20261122T091100Z-00112233445566ff-1"},
        {"kind": "ring", "device": "lobby", "unit": "u-101"},
        {"kind": "tamper", "device": "lobby", "message": "the case was opened", "device_time": "2026-11-22T15:13:00Z"},
        {"kind": "parcel", "device": "lobby", "locker": 7},
    ]
    return [dict({"n": 90211 + n, "kind": e.pop("kind"), "at": "2026-11-22T15:1%d:00Z" % n, "recorded": "2026-11-22T15:1%d:00.5Z" % n}, **e) for n, e in enumerate(kinds)]


def make_digest(f):
    a, b = item("door", id="d-1", name="Main"), item("credential", id="c-1", person="p-1", kind="pin", secret="47110")
    c = {"k": "parcel_locker", "id": "pl-1", "v": Raw('{"id": "pl-1"}')}
    d, steps = Digest(), []
    for what, it in (("add a", a), ("add b", b), ("add c, of an unknown kind", c), ("take a out", a), ("take c out", c), ("take b out: empty again", b)):
        d.toggle(it)
        steps.append({"what": what, "item": dict(it, v=str(it["v"])), "digest": d.sum.hex()})
    f.put("digest", {"name": "digest", "what": "the XOR of HMAC-SHA-256 over kind, 0, id, 0, raw value; each item's v is here a string of the raw bytes", "key": DIGEST_KEY.hex(), "steps": steps})


def make_bad_down(f):
    def message(name, h, plain, signer=CLOUD, **how):
        return text(envelope(DOWN, seal(name, text(h).encode(), plain, **how), signer))

    receipt = b'{"through":90210}'
    h = header("receipt", CLOUD, SEALING)
    good = seal("bad", text(h).encode(), receipt)
    e = envelope(DOWN, good, CLOUD)
    sig = base64.b64decode(e["signatures"][0]["sig"])
    one = dict(e, signatures=[dict(e["signatures"][0], sig=b64(sig[:-1] + bytes([sig[-1] ^ 1])))])
    f.bad("down/bad-signature", "the last bit of the signature is changed", "bad_signature", text(one))
    f.bad("down/bad-signature-short", "a signature of 63 bytes", "bad_signature", text(dict(e, signatures=[dict(e["signatures"][0], sig=b64(sig[:-1]))])))
    at = good.index(b"gw-7f3k2a") + 3
    f.bad("down/bad-header-byte", "one byte of the header is changed after signing", "bad_signature", text(dict(e, payload=b64(good[:at] + b"8" + good[at + 1 :]))))
    f.bad("down/bad-body-byte", "the last byte of the sealed body is changed after signing", "bad_signature", text(dict(e, payload=b64(good[:-1] + bytes([good[-1] ^ 128])))))
    f.bad("down/bad-unknown-key", "signed by a key that is not the cloud's, as a broken-into broker could", "unknown_key", text(envelope(DOWN, good, STRANGER)))
    f.bad("down/bad-unsigned", "no signature at all", "unknown_key", text(dict(e, signatures=[])))
    f.bad("down/bad-borrowed-keyid", "signed by a stranger who writes the cloud's key id beside it", "bad_signature", text(dict(envelope(DOWN, good, STRANGER), signatures=[{"keyid": key_id(ed_public(CLOUD)), "sig": b64(ed_sign(STRANGER, pae(DOWN, good)))}])))
    f.bad("down/bad-other-signer-in-header", "signed by one active key while the header names the other", "bad_signature", text(envelope(DOWN, good, CLOUD2)))
    f.good("down/receipt-two-signatures", "while keys rotate: a signature by a key unknown here and one by a known key", (h, receipt, text(envelope(DOWN, good, STRANGER, CLOUD))))
    f.bad("down/bad-gateway", "made for another gateway, replayed to this one", "wrong_gateway", message("g", dict(h, gw=OTHER), receipt))
    f.bad("down/bad-recipient", "sealed to a key that was replaced", "wrong_recipient", message("w", header("receipt", CLOUD, ELSEWHERE), receipt, to=ELSEWHERE))
    f.bad("down/bad-recipient-hidden", "sealed to another key, while the header names ours", "unsealable", message("x", h, receipt, to=ELSEWHERE))
    f.bad("down/bad-aad", "the body was sealed under another header", "unsealable", message("y", h, receipt, aad=text(dict(h, rev=9)).encode()))
    f.bad("down/bad-low-order", "an encapsulated key of zeros", "unsealable", text(envelope(DOWN, frame(text(h).encode(), bytes(80)), CLOUD)))
    f.bad("down/bad-short-body", "a body too short to be sealed", "malformed", text(envelope(DOWN, frame(text(h).encode(), bytes(31)), CLOUD)))
    f.bad("down/bad-version", "version 2 of the contract", "wrong_version", message("v", dict(h, v=2), receipt))
    f.bad("down/bad-version-none", "no version", "wrong_version", message("v0", dict(h, v=0), receipt))
    f.bad("down/bad-type", "a message that goes up, turned round", "wrong_type", text(envelope(UP, good, CLOUD)))
    f.bad("down/bad-oversized", "one byte more than a message may have; the padding is white space, so nothing else is wrong", "oversized", text(e), pad=(128 << 10) + 1)
    s = header("state", CLOUD, SEALING, True, epoch=1, rev=1, chunk=1, of=1)
    f.bad("down/bad-bomb-declared", "zstd: 1 GiB is declared", "zip_bomb", message("b1", s, zstd_zeros(4, 1 << 30)))
    f.bad("down/bad-bomb-undeclared", "zstd: 8 MiB of zeros, size not declared", "zip_bomb", message("b2", s, zstd_zeros(64)))
    f.bad("down/bad-bomb-frames", "zstd: 200 frames of 512 KiB each", "zip_bomb", message("b3", s, zstd_zeros(4) * 200))
    f.bad("down/bad-zip-lies", "zstd: the frame holds more than it declares", "zip_bomb", message("b4", s, zstd_zeros(2, 1000)))
    f.bad("down/bad-zip-garbage", "the header says zstd and it is none", "malformed", message("b5", s, receipt))
    f.bad("down/bad-zip-cut", "zstd: the last block is cut", "malformed", message("b6", s, zstd_raw(receipt * 100)[:-5]))
    for name, what, chunk, of in (("zero", "chunk 0 of 0", 0, 0), ("beyond", "chunk 3 of 2", 3, 2), ("many", "chunk 1 of 4097", 1, 4097), ("negative", "chunk -1 of 1", -1, 1)):
        c = dict(header("state", CLOUD, SEALING, epoch=1, rev=1), chunk=chunk, of=of)
        f.bad("down/bad-chunk-" + name, what, "malformed", message("k" + name, c, text(state("00" * 32)).encode()))
    c = header("state", CLOUD, SEALING, epoch=1, rev=1, chunk=1, of=1)
    for name, what, plain in (("body-cut", "the body's JSON is cut", b'{"digest_key":"AA'), ("body-kind", "the body is a list", b"[]"), ("body-digest", "a digest of 3 bytes", b'{"digest_key":"AAAA","digest":"abcdef"}'), ("body-empty", "an empty body", b"")):
        f.bad("down/bad-" + name, what, "malformed", message(name, c, plain))
    malformed(f, "down", DOWN, CLOUD)


def malformed(f, way, kind, signer):
    h = text(header("receipt" if way == "down" else "hello", signer, SEALING if way == "down" else None)).encode()
    f.bad(way + "/bad-not-json", "no JSON", "malformed", "\x16\x03\x01 hello")
    f.bad(way + "/bad-empty", "an empty message", "malformed", "")
    f.bad(way + "/bad-base64", "a payload that is no base64", "malformed", text(dict(envelope(kind, b"x", signer), payload="***")))
    f.bad(way + "/bad-payload", "an empty payload, properly signed", "malformed", text(envelope(kind, b"", signer)))
    f.bad(way + "/bad-frame-short", "three bytes where a header's length should stand", "malformed", text(envelope(kind, b"\0\0\0", signer)))
    f.bad(way + "/bad-frame-length", "a header longer than the message", "malformed", text(envelope(kind, struct.pack(">I", 500) + h, signer)))
    f.bad(way + "/bad-frame-huge", "a header of 4 GiB", "malformed", text(envelope(kind, b"\xff\xff\xff\xff" + h, signer)))
    f.bad(way + "/bad-header-json", "a header that is no JSON", "malformed", text(envelope(kind, frame(b"{v:1}", b""), signer)))
    long = h[:-1] + b" " * 2048 + b"}"
    whole = seal("long", long, b'{"through":1}') if way == "down" else frame(long, text({"protocol": 1, "clock": {"now": ISSUED}, "digest": "00" * 32}).encode())
    f.bad(way + "/bad-header-long", "a header of more than 2 KiB; nothing else is wrong", "malformed", text(envelope(kind, whole, signer)))
    f.bad(way + "/bad-header-time", "a header whose time is none", "malformed", text(envelope(kind, frame(h.replace(ISSUED.encode(), b"yesterday"), b""), signer)))


def make_bad_up(f):
    def message(h, plain, signer=BOX):
        return text(envelope(UP, frame(text(h).encode(), plain), signer))

    h, body = header("ack", BOX), text({"epoch": 3, "revision": 1043, "digest": "00" * 32, "at": ISSUED}).encode()
    good = frame(text(h).encode(), body)
    e = envelope(UP, good, BOX)
    f.bad("up/bad-body-byte", "revision 1043 made 1044 on the way", "bad_signature", text(dict(e, payload=b64(good.replace(b"1043", b"1044")))))
    f.bad("up/bad-unknown-key", "\"confirmed\" by a broker with a key of its own", "unknown_key", message(header("ack", STRANGER), body, STRANGER))
    f.bad("up/bad-gateway", "signed by this gateway's key but calling itself another", "wrong_gateway", message(dict(h, gw=OTHER), body))
    f.bad("up/bad-other-signer-in-header", "the header names a key that did not sign", "bad_signature", message(header("ack", STRANGER), body))
    f.bad("up/bad-version", "version 2 of the contract", "wrong_version", message(dict(h, v=2), body))
    f.bad("up/bad-type", "the cloud's own message sent back to it", "wrong_type", text(envelope(DOWN, good, BOX)))
    f.bad("up/bad-oversized", "one byte too many", "oversized", text(e), pad=(128 << 10) + 1)
    f.bad("up/bad-bomb", "zstd: 8 MiB of zeros", "zip_bomb", message(dict(h, zip=True), zstd_zeros(64)))
    f.bad("up/bad-zip-garbage", "the header says zstd and it is none", "malformed", message(dict(h, zip=True), body))
    f.bad("up/bad-body-kind", "the body is a number", "malformed", message(h, b"7"))
    f.bad("up/bad-body-time", "a time that is none", "malformed", message(h, body.replace(ISSUED.encode(), b"2026-13-01")))
    malformed(f, "up", UP, BOX)


def main():
    check = sys.argv[1:] == ["--check"]
    self_test()
    f = Files()
    for make in (make_down, make_up, make_digest, make_bad_down, make_bad_up):
        make(f)
    with open(os.path.join(HERE, "rfc.json"), "rb") as r:
        sums = dict(f.made, **{"rfc.json": r.read()})
    f.made["SUMS"] = "".join("%s  %s\n" % (hashlib.sha256(b).hexdigest(), n) for n, b in sorted(sums.items())).encode()
    wrong = []
    for name, made in sorted(f.made.items()):
        path = os.path.join(HERE, name)
        there = None
        if os.path.exists(path):
            with open(path, "rb") as old:
                there = old.read()
        if there == made:
            continue
        if check or there is not None and name != "SUMS":
            wrong.append(name)
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as new:
            new.write(made)
    if wrong:
        sys.exit("differ from what this script makes, and vectors are never edited: " + ", ".join(wrong))
    print("%d files are as this script makes them" % len(f.made))


if __name__ == "__main__":
    main()
