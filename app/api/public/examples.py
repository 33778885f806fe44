"""Examples of public answers for the API's description."""

from app.api.makers.examples import OBJECT_EXAMPLE, PRODUCT_OUT_EXAMPLE

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
DID_EXAMPLE = {
    "@context": ["https://www.w3.org/ns/did/v1"],
    "id": OBJECT_EXAMPLE["did"],
    "alsoKnownAs": [OBJECT_EXAMPLE["digital_link"]],
    "verificationMethod": [],
    "service": [
        {
            "id": f"{OBJECT_EXAMPLE['did']}#passport",
            "type": "ProductPassport",
            "serviceEndpoint": OBJECT_EXAMPLE["digital_link"],
        }
    ],
}
