"""Readings: what one point of a study's learning curves stands for."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from lrlab.core.errors import NotFoundError, SpecError
from lrlab.web.looks import Look
from lrlab.web.readings import reading
from lrlab.web.room import LARGEST_WHOLE, Room


def router(room: Room) -> APIRouter:
    """The route below ``/studies/{name}``."""
    routes = APIRouter(tags=["studies"])

    @routes.get("/studies/{name}/reading")
    def read(
        name: str,
        run: Annotated[int, Query(ge=1, le=LARGEST_WHOLE, description="Number of the run")],
        place: Annotated[float, Query(allow_inf_nan=False, description="On the x axis")],
        look: Look,
    ) -> JSONResponse:
        """The point of a learning curve nearest to a place, on every axis, raw and as drawn, with every digit."""
        try:
            return JSONResponse(reading(room.shelf.seen(name), run, place, look))
        except SpecError as error:
            raise NotFoundError(error.what) from None

    return routes
