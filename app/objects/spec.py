"""What a maker says of a product at its registration, with every limit and an explanation.

The facts are those that Regulation (EU) 2023/2854 (Data Act), article 3(2), wants told before a
sale; a registration without one of them is refused, naming it.
"""

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    field_validator,
    model_validator,
)

from app.kit.errors import WrongMember
from app.objects.units import PLACE_UNITS, UNITS

_LINE = r"^\P{Cc}+$"
_TEXT = r"^[\P{Cc}\n\t]+$"
Line = Annotated[
    str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=_LINE)
]
Sentence = Annotated[
    str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True, pattern=_TEXT)
]
ShortLine = Annotated[
    str, StringConstraints(min_length=1, max_length=40, strip_whitespace=True, pattern=_LINE)
]
Article = Annotated[
    str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True, pattern=_LINE)
]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Category = Literal["usage", "care", "condition", "environment", "location", "body"]


class Strict(BaseModel):
    """A part of a request: no unknown members."""

    model_config = ConfigDict(extra="forbid")


class FieldSpec(Strict):
    """One value of a record."""

    name: Name
    title: Line = Field(description="What it is, in plain words.")
    type: Literal["number", "integer", "string", "boolean"]
    unit: str | None = Field(
        None, max_length=20, description="SenML unit (RFC 8428 §12.1, RFC 8798 §3); for numbers."
    )
    senml_name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9:./_-]{0,63}$")]
    minimum: float | None = None
    maximum: float | None = None
    enum: list[Line] | None = Field(None, min_length=1, max_length=50)

    @field_validator("unit")
    @classmethod
    def check_unit(cls, value: str | None) -> str | None:
        if value is not None and value not in UNITS:
            raise ValueError(f"{value!r} is not a SenML unit (RFC 8428 §12.1, RFC 8798 §3)")
        return value

    @model_validator(mode="after")
    def check_fit(self) -> "FieldSpec":
        is_number = self.type in ("number", "integer")
        if is_number and self.unit is None:
            raise WrongMember("unit", "a number needs a unit; a mere count has the unit 'count'")
        if not is_number and (self.unit, self.minimum, self.maximum) != (None, None, None):
            extra = next(n for n in ("unit", "minimum", "maximum") if getattr(self, n) is not None)
            raise WrongMember(extra, "only numbers have a unit and bounds")
        if self.enum is not None and self.type != "string":
            raise WrongMember("enum", "only strings have a list of values")
        if self.enum is not None and len(set(self.enum)) != len(self.enum):
            raise WrongMember("enum", "a value stands twice in enum")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise WrongMember("minimum", "minimum lies above maximum")
        return self


class StreamFacts(Strict):
    """What article 3(2) of the Data Act wants told of this data before the sale."""

    type: Sentence = Field(description="What kind of data it is.")
    format: Sentence = Field(description="In which format it comes.")
    estimated_volume: Sentence = Field(description="About how much there is, per day or year.")
    is_continuous: StrictBool = Field(description="Whether it is generated continuously.")
    is_real_time: StrictBool = Field(description="Whether it is generated in real time.")
    stored: Literal["device", "server", "both"]
    retention: Sentence = Field(description="How long it is kept there.")
    how_to_get: Sentence = Field(description="How the user gets access.")
    how_to_retrieve: Sentence = Field(description="How the user takes a copy.")
    how_to_erase: Sentence = Field(description="How the user erases it.")
    technical_means: Sentence = Field(description="With which technical means.")
    terms_of_use: Sentence
    quality_of_service: Sentence


class StreamSpec(Strict):
    """One kind of record that the product makes."""

    name: Name
    title: Line
    category: Category
    kind: Literal["instant", "interval", "counter"]
    fields: list[FieldSpec] = Field(min_length=1, max_length=40)
    facts: StreamFacts
    keep_days: int | None = Field(
        None,
        ge=1,
        le=36500,
        description="Days that records are kept here; as long as their owner likes if absent.",
    )
    holder_copy: Sentence = Field(
        description="What the maker keeps for itself before sending; 'Nothing.' is an answer."
    )

    @model_validator(mode="after")
    def check_fields(self) -> "StreamSpec":
        names = [f.name for f in self.fields]
        if len(set(names)) != len(names):
            raise WrongMember("fields", "two fields have the same name")
        if len({f.senml_name for f in self.fields}) != len(names):
            raise WrongMember("fields", "two fields have the same senml_name")
        has_place = any(f.unit in PLACE_UNITS for f in self.fields)
        if has_place and self.category != "location":
            raise WrongMember("category", "latitude and longitude belong to the category location")
        return self


class Passport(Strict):
    """What anyone may read of the product."""

    material: Sentence
    origin: Sentence
    care: Sentence
    repair: Sentence | None = None
    end_of_life: Sentence | None = None
    more: dict[Line, Sentence] = Field(default_factory=dict, max_length=20)


class ProductSpec(Strict):
    """A product as its maker registers it. It needs a GTIN or an article number."""

    name: Line
    kind: ShortLine = Field(description="What sort of thing it is, such as 'jeans'.")
    gtin: str | None = Field(None, max_length=14)
    article_number: Article | None = None
    passport: Passport
    streams: list[StreamSpec] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def check_whole(self) -> "ProductSpec":
        names = [s.name for s in self.streams]
        if len(set(names)) != len(names):
            raise WrongMember("streams", "two streams have the same name")
        if self.gtin is None and self.article_number is None:
            raise WrongMember("gtin", "a product needs a gtin or an article_number")
        return self
