"""The closed lists of purposes and legal bases, by their DPV 2.3 names, in plain words."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

DPV = "https://w3id.org/dpv#"

PURPOSES = {
    "ServiceProvision": "to provide a service you asked for",
    "ServiceManagement": "to run its service",
    "RequestedServiceProvision": "to do what you asked for",
    "RepairImpairments": "to find and mend faults",
    "CustomerCare": "to help you as a customer",
    "ServiceUsageAnalytics": "to see how its service is used",
    "ServiceOptimisation": "to make its service better",
    "ServicePersonalisation": "to fit its service to you",
    "ImproveExistingProductsAndServices": "to improve its products",
    "OptimisationForConsumer": "to make things better for you",
    "OptimisationForController": "to make its own work better",
    "ResearchAndDevelopment": "to develop new products",
    "CommercialResearch": "for research it earns from",
    "NonCommercialResearch": "for research nobody earns from",
    "ScientificResearch": "for science",
    "DataAltruism": "for the common good",
    "PublicBenefit": "for the public's benefit",
    "Marketing": "for marketing",
    "DirectMarketing": "to send you offers",
    "Advertising": "for advertising",
    "TargetedAdvertising": "for advertising aimed at you",
    "PersonalisedAdvertising": "for advertising made for you",
    "ProvideProductRecommendations": "to recommend products",
    "Personalisation": "to fit things to you",
    "SellProducts": "to sell you products",
    "SellDataToThirdParties": "to sell the data to others",
    "SellInsightsFromData": "to sell what it learns from the data",
    "EnforceSecurity": "to keep things secure",
    "FraudPreventionAndDetection": "to prevent fraud",
    "IdentityVerification": "to check who you are",
    "LegalCompliance": "to obey the law",
    "RightsFulfilment": "to fulfil your rights",
}

LEGAL_BASES = {
    "Consent": "your consent",
    "ExpressedConsent": "your expressed consent",
    "ExplicitlyExpressedConsent": "your explicit consent",
    "Contract": "a contract with you",
    "ContractPerformance": "carrying out a contract with you",
    "LegalObligation": "a legal duty",
    "LegitimateInterest": "its own legitimate interest",
    "PublicInterest": "the public interest",
    "VitalInterest": "protecting somebody's life",
}


class Need(BaseModel):
    """Whether a vendor cannot do without a scope, and why, in its own words."""

    model_config = ConfigDict(extra="forbid")

    needed: bool = False
    why: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)] = ""

    @model_validator(mode="after")
    def check_reason(self) -> "Need":
        if self.needed and not self.why:
            raise ValueError("what is needed has a reason")
        return self


class PurposeSpec(BaseModel):
    """One purpose of a client, as it is registered."""

    model_config = ConfigDict(extra="forbid")

    purpose: Literal[tuple(PURPOSES)]  # type: ignore[valid-type]  # a closed list, kept above
    title: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    legal_basis: Literal[tuple(LEGAL_BASES)]  # type: ignore[valid-type]  # likewise
    scopes: dict[str, Need] = Field(min_length=1, max_length=20)
