"""Chart sources of the synthetic applications, in medpattern's template language.

`APP` stands for the application's name. The same texts, translated by `kapitan_side`, are the templates
that Kapitan compiles, so both tools always work on the same manifests.
"""

POD_SPEC = """\
serviceAccountName: APP
terminationGracePeriodSeconds: [[ value("terminationGracePeriodSeconds") ]]
securityContext:
  runAsNonRoot: true
[% if values.global.distribution == "kubernetes" %]
  runAsUser: 1001
  fsGroup: 1001
[% endif %]
  seccompProfile:
    type: RuntimeDefault
containers:
  - name: APP
    image: [[ image("image") ]]
    args:
      - --config=/etc/APP/application.yaml
      - [[ text("--log-level={logLevel}") ]]
[% if values.tls.enabled %]
      - [[ text("--tls-min-version={tls.minVersion}") ]]
[% endif %]
    env:
[% for item in values.env %]
      - name: [[ item.name ]]
        value: [[ value(item, "value") ]]
[% endfor %]
    ports:
[% for port in values.ports %]
      - name: [[ port.name ]]
        containerPort: [[ value(port, "port") ]]
[% endfor %]
    resources: [[ value("resources") ]]
    livenessProbe:
      httpGet:
        path: /healthz
        port: http
      periodSeconds: [[ value("probe.periodSeconds") ]]
      failureThreshold: 5
    readinessProbe:
      httpGet:
        path: /readyz
        port: http
      periodSeconds: [[ value("probe.periodSeconds") ]]
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: [ALL]
    volumeMounts:
      - name: config
        mountPath: /etc/APP
        readOnly: true
[% if values.tls.enabled %]
      - name: tls
        mountPath: /etc/tls
        readOnly: true
[% endif %]
volumes:
  - name: config
    configMap:
      name: APP
[% if values.tls.enabled %]
  - name: tls
    secret:
      secretName: APP-tls
[% endif %]
"""


def _indented(text: str, spaces: int) -> str:
    """Indent every line but those that hold only a template statement."""
    pad = " " * spaces
    return "".join(line if line.startswith("[%") else pad + line for line in text.splitlines(keepends=True))


METADATA = """\
metadata:
  name: APP
  labels:
    app.kubernetes.io/name: APP
    app.kubernetes.io/part-of: imaging
    app.kubernetes.io/version: [[ value("image.tag") ]]
    imaging.example.org/cluster: [[ text("{global.localClusterName}") ]]
"""

POD_TEMPLATE = f"""\
  template:
    metadata:
      labels:
        app.kubernetes.io/name: APP
        app.kubernetes.io/part-of: imaging
      annotations:
[% for key, annotation in values.podAnnotations.items() %]
        [[ key ]]: [[ value(values.podAnnotations, key) ]]
[% endfor %]
    spec:
{_indented(POD_SPEC, 6)}"""

DEPLOYMENT = f"""\
apiVersion: apps/v1
kind: Deployment
{METADATA}\
spec:
  replicas: [[ value("replicas") ]]
  revisionHistoryLimit: 3
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  selector:
    matchLabels:
      app.kubernetes.io/name: APP
{POD_TEMPLATE}"""

STATEFUL_SET = f"""\
apiVersion: apps/v1
kind: StatefulSet
{METADATA}\
spec:
  serviceName: APP
  replicas: [[ value("replicas") ]]
  podManagementPolicy: Parallel
  selector:
    matchLabels:
      app.kubernetes.io/name: APP
{POD_TEMPLATE}"""

CRON_JOB = f"""\
apiVersion: batch/v1
kind: CronJob
{METADATA}\
spec:
  schedule: [[ value("schedule") ]]
  concurrencyPolicy: Forbid
  successfulJobsHistoryLimit: 2
  failedJobsHistoryLimit: 4
  jobTemplate:
    spec:
      backoffLimit: 2
      parallelism: [[ value("replicas") ]]
      template:
        metadata:
          labels:
            app.kubernetes.io/name: APP
        spec:
          restartPolicy: Never
{_indented(POD_SPEC, 10)}"""

SERVICE = f"""\
apiVersion: v1
kind: Service
{METADATA}\
  annotations:
    prometheus.io/scrape: "true"
    prometheus.io/path: /metrics
[% if values.global.distribution == "openshift" and values.tls.enabled %]
    service.beta.openshift.io/serving-cert-secret-name: APP-tls
[% endif %]
spec:
  type: ClusterIP
  selector:
    app.kubernetes.io/name: APP
  ports:
[% for port in values.ports %]
    - name: [[ port.name ]]
      protocol: TCP
      port: [[ value(port, "port") ]]
      targetPort: [[ port.name ]]
[% endfor %]
"""

CONFIG_MAP = f"""\
apiVersion: v1
kind: ConfigMap
{METADATA}\
data:
  application.yaml: |
    server:
      listen: 0.0.0.0:8080
      publicHost: [[ text("{{host}}") ]]
      logLevel: [[ text("{{logLevel}}") ]]
[% if values.tls.enabled %]
      tls:
        certificate: /etc/tls/tls.crt
        key: /etc/tls/tls.key
        minVersion: [[ text("{{tls.minVersion}}") ]]
[% endif %]
    storage:
      endpoint: [[ text("https://{{storage.host}}:{{storage.port}}/{{storage.bucket}}") ]]
      region: [[ text("{{storage.region}}") ]]
      retentionDays: [[ text("{{storage.retentionDays}}") ]]
    peers:
[% for peer in values.peers %]
      - name: [[ peer.name ]]
        address: [[ text("{{peer.name}}.{{peer.namespace}}.svc:{{peer.port}}", peer=peer) ]]
[% endfor %]
  logging.properties: |
    [[ lines("logging") ]]
  summary.tmpl: |
    APP on {{{{ $labels.instance }}}} has been down for {{{{ $value }}}} seconds
  FACILITY: [[ text("{{global.localClusterName}}") ]]
  PUBLIC_URL: [[ text("https://{{host}}/") ]]
"""

SERVICE_ACCOUNT = f"""\
apiVersion: v1
kind: ServiceAccount
{METADATA}\
  annotations:
    imaging.example.org/owner: platform-team
    imaging.example.org/contact: [[ text("platform@{{global.clusterDomain}}") ]]
[% for key, annotation in values.podAnnotations.items() %]
    [[ key ]]: [[ value(values.podAnnotations, key) ]]
[% endfor %]
automountServiceAccountToken: false
imagePullSecrets:
  - name: registry
secrets:
  - name: APP-credentials
"""

NETWORK_POLICY = f"""\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
{METADATA}\
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: APP
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        - namespaceSelector:
            matchLabels:
[% if values.global.distribution == "openshift" %]
              network.openshift.io/policy-group: ingress
[% else %]
              kubernetes.io/metadata.name: ingress-nginx
[% endif %]
      ports:
[% for port in values.ports %]
        - protocol: TCP
          port: [[ value(port, "port") ]]
[% endfor %]
  egress:
[% for peer in values.peers %]
    - to:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: [[ peer.namespace ]]
          podSelector:
            matchLabels:
              app.kubernetes.io/name: [[ peer.name ]]
      ports:
        - protocol: TCP
          port: [[ value(peer, "port") ]]
[% endfor %]
    - to:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: kube-system
      ports:
        - protocol: UDP
          port: 53
"""

EXTERNAL_SECRET = f"""\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
{METADATA}\
spec:
  refreshInterval: [[ value("secrets.refreshInterval") ]]
  secretStoreRef:
    kind: ClusterSecretStore
    name: [[ values.secrets.store ]]
  target:
    name: APP-credentials
    creationPolicy: Owner
    template:
      type: Opaque
      metadata:
        labels:
          app.kubernetes.io/name: APP
  data:
[% for item in values.secrets.entries %]
    - secretKey: [[ item.name ]]
      remoteRef:
        key: [[ text("secret/data/{{global.localClusterName}}/APP") ]]
        property: [[ value(item, "property") ]]
[% endfor %]
"""

EXPOSURE = f"""\
[% if values.global.distribution == "openshift" %]
apiVersion: route.openshift.io/v1
kind: Route
{METADATA}\
  annotations:
    haproxy.router.openshift.io/timeout: [[ text("{{probe.timeoutSeconds}}s") ]]
spec:
  host: [[ value("host") ]]
  port:
    targetPort: http
  tls:
    termination: [[ "reencrypt" if values.tls.enabled else "edge" ]]
    insecureEdgeTerminationPolicy: Redirect
  to:
    kind: Service
    name: APP
    weight: 100
  wildcardPolicy: None
[% else %]
apiVersion: networking.k8s.io/v1
kind: Ingress
{METADATA}\
  annotations:
    cert-manager.io/cluster-issuer: hospital
    nginx.ingress.kubernetes.io/proxy-read-timeout: [[ text("{{probe.timeoutSeconds}}") ]]
spec:
  ingressClassName: nginx
  tls:
    - hosts:
        - [[ value("host") ]]
      secretName: APP-tls
  rules:
    - host: [[ value("host") ]]
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: APP
                port:
                  name: http
[% endif %]
"""

DISRUPTION_BUDGET = f"""\
apiVersion: policy/v1
kind: PodDisruptionBudget
{METADATA}\
  annotations:
    imaging.example.org/owner: platform-team
[% for key, annotation in values.podAnnotations.items() %]
    [[ key ]]: [[ value(values.podAnnotations, key) ]]
[% endfor %]
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      app.kubernetes.io/name: APP
      app.kubernetes.io/part-of: imaging
"""

ROLE = f"""\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
{METADATA}\
rules:
  - apiGroups: [""]
    resources: [configmaps]
    verbs: [get, list, watch]
[% for peer in values.peers %]
  - apiGroups: [""]
    resources: [services, endpoints]
    resourceNames:
      - [[ peer.name ]]
    verbs: [get]
[% endfor %]
  - apiGroups: [batch]
    resources: [jobs]
    verbs: [get, list, watch, create]
"""

ROLE_BINDING = f"""\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
{METADATA}\
  annotations:
    imaging.example.org/owner: platform-team
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: APP
subjects:
  - kind: ServiceAccount
    name: APP
"""

SERVICE_MONITOR = f"""\
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
{METADATA}\
spec:
  selector:
    matchLabels:
      app.kubernetes.io/name: APP
  endpoints:
[% for port in values.ports %]
    - port: [[ port.name ]]
      path: /metrics
      interval: [[ text("{{probe.periodSeconds}}s") ]]
[% endfor %]
"""

# Kinds of application: file name -> template, in the order in which --manifests N takes the first N.
WEB = {
    "deployment": DEPLOYMENT,
    "service": SERVICE,
    "configmap": CONFIG_MAP,
    "networkpolicy": NETWORK_POLICY,
    "externalsecret": EXTERNAL_SECRET,
    "exposure": EXPOSURE,
    "serviceaccount": SERVICE_ACCOUNT,
    "servicemonitor": SERVICE_MONITOR,
}
STATEFUL = {
    "statefulset": STATEFUL_SET,
    "service": SERVICE,
    "configmap": CONFIG_MAP,
    "networkpolicy": NETWORK_POLICY,
    "serviceaccount": SERVICE_ACCOUNT,
    "poddisruptionbudget": DISRUPTION_BUDGET,
    "externalsecret": EXTERNAL_SECRET,
    "servicemonitor": SERVICE_MONITOR,
}
BATCH = {
    "cronjob": CRON_JOB,
    "configmap": CONFIG_MAP,
    "serviceaccount": SERVICE_ACCOUNT,
    "networkpolicy": NETWORK_POLICY,
    "externalsecret": EXTERNAL_SECRET,
    "role": ROLE,
    "rolebinding": ROLE_BINDING,
    "service": SERVICE,
}
MAX_MANIFESTS = 8
