"""APIs that are deprecated or gone, and what took their place.

Kubernetes' own by its deprecation guide (https://kubernetes.io/docs/reference/using-api/deprecation-guide/); the others
by the `deprecated` flags of their CRDs, or by the releases that dropped them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retired:
    """Kinds of one API version that are on their way out.

    `kinds` is empty for all of them. `removed` is the Kubernetes release that no longer serves them, "" if none does
    that yet; for custom kinds `removed_from` names the operator's release instead, since no cluster version tells.
    """

    api_version: str
    kinds: frozenset[str]
    replacement: str
    deprecated: str = ""
    removed: str = ""
    removed_from: str = ""


def _native(api_version: str, kinds: str, replacement: str, deprecated: str, removed: str = "") -> Retired:
    return Retired(api_version, frozenset(kinds.split()), replacement, deprecated, removed)


def _custom(api_version: str, kinds: str, replacement: str, removed_from: str = "") -> Retired:
    return Retired(api_version, frozenset(kinds.split()), replacement, removed_from=removed_from)


_AUTHORIZATION = "LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview"
_ROLES = "ClusterRole ClusterRoleBinding Role RoleBinding"
_WEBHOOKS = "MutatingWebhookConfiguration ValidatingWebhookConfiguration"
_FLOWS = "FlowSchema PriorityLevelConfiguration"

RETIRED: tuple[Retired, ...] = (
    _native("extensions/v1beta1", "DaemonSet Deployment ReplicaSet", "apps/v1", "1.8", "1.16"),
    _native("extensions/v1beta1", "NetworkPolicy", "networking.k8s.io/v1", "1.9", "1.16"),
    _native("extensions/v1beta1", "PodSecurityPolicy", "Pod Security Admission", "1.11", "1.16"),
    _native("extensions/v1beta1", "Ingress", "networking.k8s.io/v1", "1.14", "1.22"),
    _native("apps/v1beta1", "", "apps/v1", "1.8", "1.16"),
    _native("apps/v1beta2", "", "apps/v1", "1.9", "1.16"),
    _native("admissionregistration.k8s.io/v1beta1", _WEBHOOKS, "admissionregistration.k8s.io/v1", "1.16", "1.22"),
    _native("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", "apiextensions.k8s.io/v1", "1.16", "1.22"),
    _native("apiregistration.k8s.io/v1beta1", "APIService", "apiregistration.k8s.io/v1", "1.19", "1.22"),
    _native("authentication.k8s.io/v1beta1", "TokenReview", "authentication.k8s.io/v1", "1.19", "1.22"),
    _native("authorization.k8s.io/v1beta1", _AUTHORIZATION, "authorization.k8s.io/v1", "1.19", "1.22"),
    _native("certificates.k8s.io/v1beta1", "CertificateSigningRequest", "certificates.k8s.io/v1", "1.19", "1.22"),
    _native("coordination.k8s.io/v1beta1", "Lease", "coordination.k8s.io/v1", "1.19", "1.22"),
    _native("networking.k8s.io/v1beta1", "Ingress IngressClass", "networking.k8s.io/v1", "1.19", "1.22"),
    _native("rbac.authorization.k8s.io/v1alpha1", _ROLES, "rbac.authorization.k8s.io/v1", "1.17", "1.22"),
    _native("rbac.authorization.k8s.io/v1beta1", _ROLES, "rbac.authorization.k8s.io/v1", "1.17", "1.22"),
    _native("scheduling.k8s.io/v1beta1", "PriorityClass", "scheduling.k8s.io/v1", "1.14", "1.22"),
    _native(
        "storage.k8s.io/v1beta1", "CSIDriver CSINode StorageClass VolumeAttachment", "storage.k8s.io/v1", "1.19", "1.22"
    ),
    _native("batch/v1beta1", "CronJob", "batch/v1", "1.21", "1.25"),
    _native("discovery.k8s.io/v1beta1", "EndpointSlice", "discovery.k8s.io/v1", "1.21", "1.25"),
    _native("events.k8s.io/v1beta1", "Event", "events.k8s.io/v1", "1.19", "1.25"),
    _native("autoscaling/v2beta1", "HorizontalPodAutoscaler", "autoscaling/v2", "1.22", "1.25"),
    _native("policy/v1beta1", "PodDisruptionBudget", "policy/v1", "1.21", "1.25"),
    _native("policy/v1beta1", "PodSecurityPolicy", "Pod Security Admission", "1.21", "1.25"),
    _native("node.k8s.io/v1beta1", "RuntimeClass", "node.k8s.io/v1", "1.22", "1.25"),
    _native("autoscaling/v2beta2", "HorizontalPodAutoscaler", "autoscaling/v2", "1.23", "1.26"),
    _native("flowcontrol.apiserver.k8s.io/v1beta1", _FLOWS, "flowcontrol.apiserver.k8s.io/v1", "1.23", "1.26"),
    _native("storage.k8s.io/v1beta1", "CSIStorageCapacity", "storage.k8s.io/v1", "1.24", "1.27"),
    _native("flowcontrol.apiserver.k8s.io/v1beta2", _FLOWS, "flowcontrol.apiserver.k8s.io/v1", "1.26", "1.29"),
    _native("flowcontrol.apiserver.k8s.io/v1beta3", _FLOWS, "flowcontrol.apiserver.k8s.io/v1", "1.29", "1.32"),
    _native("v1", "ComponentStatus", "the health paths of the components", "1.19"),
    _native("v1", "Endpoints", "discovery.k8s.io/v1 EndpointSlice", "1.33"),
    _custom("apps.openshift.io/v1", "DeploymentConfig", "apps/v1 Deployment"),
    _custom("argoproj.io/v1alpha1", "ArgoCD", "argoproj.io/v1beta1"),
    _custom("external-secrets.io/v1alpha1", "", "external-secrets.io/v1", "External Secrets 0.17"),
    _custom("external-secrets.io/v1beta1", "", "external-secrets.io/v1", "External Secrets 0.17"),
    _custom("eventing.knative.dev/v1beta1", "Broker Trigger", "eventing.knative.dev/v1", "Knative Eventing 1.0"),
    _custom("integreatly.org/v1alpha1", "", "grafana.integreatly.org/v1beta1", "the Grafana operator 5"),
    _custom("k8s.keycloak.org/v2alpha1", "", "k8s.keycloak.org/v2beta1"),
    _custom("kafka.strimzi.io/v1alpha1", "", "kafka.strimzi.io/v1", "Strimzi 1.0"),
    _custom("kafka.strimzi.io/v1beta1", "", "kafka.strimzi.io/v1", "Strimzi 1.0"),
    # Streams for Apache Kafka 2.9 is Strimzi 0.45, which has nothing newer.
    _custom("kafka.strimzi.io/v1beta2", "", "kafka.strimzi.io/v1 (Strimzi 0.49 and later; 1.0 has only that)"),
    _custom("serving.knative.dev/v1alpha1", "", "serving.knative.dev/v1", "Knative Serving 1.0"),
    _custom("serving.knative.dev/v1beta1", "", "serving.knative.dev/v1", "Knative Serving 1.0"),
    _custom("sources.knative.dev/v1beta2", "PingSource", "sources.knative.dev/v1"),
    _custom("tekton.dev/v1beta1", "ClusterTask", "a cluster or git resolver", "Tekton Pipelines 1.0"),
)
