"""Groups of purposes, for which an owner may set limits of their own: the closed list of purposes,
each in one group."""

GROUPS: dict[str, tuple[str, ...]] = {
    "service": (
        "ServiceProvision",
        "ServiceManagement",
        "RequestedServiceProvision",
        "RepairImpairments",
        "CustomerCare",
        "IdentityVerification",
        "RightsFulfilment",
        "LegalCompliance",
        "EnforceSecurity",
        "FraudPreventionAndDetection",
    ),
    "improvement": (
        "ServiceUsageAnalytics",
        "ServiceOptimisation",
        "ServicePersonalisation",
        "ImproveExistingProductsAndServices",
        "OptimisationForConsumer",
        "OptimisationForController",
        "ResearchAndDevelopment",
        "Personalisation",
    ),
    "research": (
        "CommercialResearch",
        "NonCommercialResearch",
        "ScientificResearch",
        "DataAltruism",
        "PublicBenefit",
    ),
    "marketing": (
        "Marketing",
        "DirectMarketing",
        "Advertising",
        "TargetedAdvertising",
        "PersonalisedAdvertising",
        "ProvideProductRecommendations",
        "SellProducts",
    ),
    "selling": ("SellDataToThirdParties", "SellInsightsFromData"),
}

GROUP_OF = {purpose: group for group, purposes in GROUPS.items() for purpose in purposes}

# Purposes that nobody can have without passing the data on.
ONWARD = frozenset({"SellDataToThirdParties"})
