from operator import attrgetter

import msgspec

from hotplate.faces.base import Answer


class Analytics(msgspec.Struct):
    inference_time_ms: float
    performance_time_ms: float


class Out(msgspec.Struct):
    output: object
    analytics: Analytics


enc = msgspec.json.Encoder().encode


class C:
    def __init__(s, call):
        s.call = call
        T = msgspec.defstruct("Input", [(p.name, p.annotation) for p in call.parameters])
        dec = msgspec.json.Decoder(T).decode
        if len(call.parameters) == 1:
            g = attrgetter(call.parameters[0].name)
            s.decode = lambda b, h: (g(dec(b)),)
        else:
            s.decode = lambda b, h: msgspec.structs.astuple(dec(b))

    def encode(s, v, h, i, e):
        return enc(Out(v, Analytics(i / 1e6, e / 1e6)))

    def encode_item(s, v):
        return b"data: %b\n\n" % enc(v)

    def encode_end(s):
        return b"data: [DONE]\n\n"

    def encode_break(s, e, r):
        return b"event: error\ndata: {}\n\n"

    def error(s, e, r):
        return Answer(
            status=422 if isinstance(e, msgspec.MsgspecError) else 500, body=enc({"detail": str(e), "request_id": r})
        )


class F:
    name = "plain"
    headers = ()
    stream_content_type = "text/event-stream"

    def codec(s, call):
        return C(call)


def get(name):
    return F()
