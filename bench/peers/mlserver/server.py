"""The same work as MLServer's own pages write it: one model per task."""

import time
from collections.abc import AsyncIterator

from mlserver import MLModel
from mlserver.codecs import Base64Codec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput

TOKENS = 100


class Hello(MLModel):
    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        (prompt,) = StringCodec.decode_input(payload.inputs[0])
        return InferenceResponse(
            model_name=self.name, outputs=[StringCodec.encode_output("output", [prompt], use_bytes=False)]
        )


class Payload(MLModel):
    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        (image,) = Base64Codec.decode_input(payload.inputs[0])
        length = ResponseOutput(name="output", shape=[1], datatype="INT64", data=[len(image)])
        return InferenceResponse(model_name=self.name, outputs=[length])


class Batch(MLModel):
    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        prompts = StringCodec.decode_input(payload.inputs[0])
        time.sleep(0.005 + 0.0001 * len(prompts))
        return InferenceResponse(
            model_name=self.name, outputs=[StringCodec.encode_output("output", prompts, use_bytes=False)]
        )


class Stream(MLModel):
    async def predict_stream(self, payloads: AsyncIterator[InferenceRequest]) -> AsyncIterator[InferenceResponse]:
        async for _ in payloads:
            for _ in range(TOKENS):
                yield InferenceResponse(
                    model_name=self.name, outputs=[StringCodec.encode_output("output", ["token"], use_bytes=False)]
                )
