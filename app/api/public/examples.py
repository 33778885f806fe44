"""Examples of public answers for the API's description."""

from app.api.makers.examples import KEY_EXAMPLE, OBJECT_EXAMPLE, PRODUCT_OUT_EXAMPLE

PUBLIC_PRODUCT_EXAMPLE = {
    **PRODUCT_OUT_EXAMPLE,
    "maker": {
        "name": "Big Denim",
        "country": "PT",
        "website": "https://denim.example",
        "contact": "data@denim.example",
        "verified_domain": None,
    },
}
PUBLIC_OBJECT_EXAMPLE = {
    "object_id": OBJECT_EXAMPLE["object_id"],
    "serial": OBJECT_EXAMPLE["serial"],
    "did": OBJECT_EXAMPLE["did"],
    "digital_link": OBJECT_EXAMPLE["digital_link"],
    "product": PUBLIC_PRODUCT_EXAMPLE,
}
_METHOD = f"{OBJECT_EXAMPLE['did']}#{KEY_EXAMPLE['key_id']}"
DID_EXAMPLE = {
    "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/jwk/v1"],
    "id": OBJECT_EXAMPLE["did"],
    "alsoKnownAs": [OBJECT_EXAMPLE["digital_link"]],
    "verificationMethod": [
        {
            "id": _METHOD,
            "type": "JsonWebKey",
            "controller": OBJECT_EXAMPLE["did"],
            "publicKeyJwk": KEY_EXAMPLE["jwk"] | {"kid": KEY_EXAMPLE["key_id"]},
        }
    ],
    "assertionMethod": [_METHOD],
    "service": [
        {
            "id": f"{OBJECT_EXAMPLE['did']}#passport",
            "type": "ProductPassport",
            "serviceEndpoint": OBJECT_EXAMPLE["digital_link"],
        }
    ],
}
