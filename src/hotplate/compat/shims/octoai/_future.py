"""`octoai.client.InferenceFuture`, apart so that pydantic loads only for those who name it."""

from pydantic import BaseModel


class InferenceFuture(BaseModel):
    """A call that runs on the server. `poll_url` tells its state."""

    response_id: str
    poll_url: str
