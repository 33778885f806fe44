"""The yardstick: the least that FastAPI can do, served as the service is, in its own process."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"hello": "world"}
