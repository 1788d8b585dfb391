import FrontDoors
import KeyCore
import Primitives

/// The metrics of what serves clouds. All are read from counters that the parts keep for themselves, when somebody asks.
struct DataPlaneMetrics {
    let registry: MetricRegistry

    func register(_ doors: [DoorCounters]) {
        @Sendable func samples(_ value: @escaping @Sendable (MetricHistogram.Snapshot) -> MetricSample.Value) -> [MetricSample] {
            doors.flatMap { door in door.snapshots.map { MetricSample(DataPlaneMetrics.labels($0.kind, of: door.door), value($0.time)) } }
        }
        registry.add("holdfast_requests_total", .counter, "Requests by front door, method, outcome and whether it was a health check") {
            samples { .integer(Int64($0.count)) }
        }
        registry.add("holdfast_request_seconds", .histogram, "Time from a request's arrival to its outcome, its audit record included") {
            samples { .histogram($0) }
        }
    }

    private static func labels(_ kind: DoorCounters.Kind, of door: String) -> [(String, String)] {
        [
            ("door", door), ("method", kind.method), ("outcome", kind.outcome.rawValue), ("health_check", kind.isHealthCheck ? "true" : "false"),
        ]
    }

    func register(_ verifiers: [TokenVerifier]) {
        func sum(_ count: @escaping @Sendable (TokenVerifier) -> Int) -> @Sendable () -> Int { { verifiers.reduce(0) { $0 + count($1) } } }
        let (hits, checked) = (sum { $0.counts.cacheHits }, sum { $0.counts.verifications })
        let (refused, held) = (sum { $0.counts.rejections }, sum { $0.cachedTokens })
        registry.add("holdfast_token_cache_hits_total", .counter, "Tokens found in the cache") { DataPlaneMetrics.one(hits()) }
        registry.add("holdfast_token_verifications_total", .counter, "Tokens whose signature was checked: misses of the cache") {
            DataPlaneMetrics.one(checked())
        }
        registry.add("holdfast_token_rejections_total", .counter, "Tokens refused") { DataPlaneMetrics.one(refused()) }
        registry.addGauge("holdfast_token_cache_size", "Tokens in the cache") { Double(held()) }
    }

    func register(_ cache: KeyCache) {
        registry.add("holdfast_key_cache_hits_total", .counter, "Keys found in the cache") { DataPlaneMetrics.one(cache.counts.hits) }
        registry.add("holdfast_key_cache_misses_total", .counter, "Keys that had to be loaded") { DataPlaneMetrics.one(cache.counts.misses) }
        registry.addGauge("holdfast_key_cache_size", "Keys in the cache") { Double(cache.counts.size) }
    }

    func register(_ jwks: JWKSStore, issuers: @escaping @Sendable () -> [Issuer], clock: WallClock) {
        let statuses: @Sendable () -> [(name: String, status: JWKSStore.Status, record: JWKSStore.FetchRecord)] = {
            let (status, records) = (jwks.status, jwks.fetchRecords)
            return issuers().sorted { $0.name < $1.name }.compactMap { issuer in
                guard let status = status[issuer.id], let record = records[issuer.id] else { return nil }
                return (issuer.name, status, record)
            }
        }
        registry.add("holdfast_jwks_age_seconds", .gauge, "Time since an issuer's keys were fetched") {
            statuses().compactMap { name, status, record in
                guard record.isFetched, let fetched = status.fetchedAt else { return nil }
                return MetricSample([("issuer", name)], .real(Double((clock.now - fetched).nanoseconds) / 1e9))
            }
        }
        registry.add("holdfast_jwks_keys", .gauge, "Keys at hand of an issuer") {
            statuses().map { MetricSample([("issuer", $0.name)], .integer(Int64($0.status.keyCount))) }
        }
        registry.add("holdfast_jwks_fetches_total", .counter, "Fetches of an issuer's keys") {
            statuses().map { MetricSample([("issuer", $0.name)], .integer(Int64($0.record.fetches))) }
        }
        registry.add("holdfast_jwks_fetch_failures_total", .counter, "Fetches of an issuer's keys that brought none") {
            statuses().map { MetricSample([("issuer", $0.name)], .integer(Int64($0.record.failures))) }
        }
    }

    func register(_ journal: AuditJournal) {
        registry.add("holdfast_audit_batch_records", "Records written with one fdatasync", journal.metrics.batchRecords)
        registry.add("holdfast_audit_sync_seconds", "Time of one fdatasync of the journal", journal.metrics.syncTime)
        registry.add("holdfast_audit_failed_batches_total", "Batches that could not be made durable", journal.metrics.failedBatches)
        registry.addGauge("holdfast_audit_queue_records", "Records that wait to become durable") { Double(journal.waiting) }
        registry.addGauge("holdfast_audit_healthy", "1 if records become durable and nothing was disturbed") {
            journal.health == .green ? 1 : 0
        }
    }

    private static func one(_ count: Int) -> [MetricSample] { [MetricSample([], .integer(Int64(count)))] }
}

/// The metrics of the process and of what stands around the data plane.
struct ServerMetrics {
    let registry: MetricRegistry

    func register(connections: [(listener: String, count: @Sendable () -> Int)], requests: @escaping @Sendable () -> Int) {
        registry.add("holdfast_connections", .gauge, "Open connections by listener") {
            connections.map { MetricSample([("listener", $0.listener)], .integer(Int64($0.count()))) }
        }
        registry.addGauge("holdfast_requests_in_flight", "Requests of the data plane that are being answered") { Double(requests()) }
    }

    func register(certificates: [(listener: String, watch: CertificateWatch)], clock: WallClock) {
        registry.add("holdfast_certificate_expiry_seconds", .gauge, "Time until a TLS certificate expires; negative afterwards") {
            certificates.flatMap { listener, watch in
                watch.certificatesInUse.map { certificate in
                    MetricSample(
                        [("listener", listener), ("name", certificate.name), ("sha256", String(certificate.fingerprint.prefix(16)))],
                        .real(Double((certificate.notAfter - clock.now).nanoseconds) / 1e9))
                }
            }
        }
    }

    func register(orgCertificates: @escaping @Sendable () -> [OrgCertificate], clock: WallClock) {
        registry.add("holdfast_org_certificate_expiry_seconds", .gauge, "Time until a Salesforce org's certificate expires; negative afterwards") {
            orgCertificates().map { found in
                MetricSample(
                    [("endpoint", found.endpointName), ("use", found.use.rawValue), ("sha256", String(found.fingerprint.prefix(16)))],
                    .real(Double((found.notAfter - clock.now).nanoseconds) / 1e9))
            }
        }
    }

    func register(_ index: AuditIndexer, clock: WallClock) {
        registry.addGauge("holdfast_audit_index_age_seconds", "Time since the audit index had everything that was on record") {
            index.status.caughtUpAt.map { Double((clock.now - $0).nanoseconds) / 1e9 }
        }
        registry.add("holdfast_audit_index_seq", .gauge, "The last record of a journal in the audit index") {
            index.status.nodes.map { MetricSample([("node", $0.node.description)], .integer(Int64(clamping: $0.seq))) }
        }
    }

    func registerProcess() {
        let started = ProcessStatistics.current.startedAt
        registry.addGauge("process_start_time_seconds", "When the process began, in seconds since 1970") { started }
        registry.addGauge("process_resident_memory_bytes", "Resident memory") { ProcessStatistics.current.residentBytes.map(Double.init) }
        registry.addGauge("process_open_fds", "Open file descriptors") { ProcessStatistics.current.openDescriptors.map(Double.init) }
        registry.addGauge("process_max_fds", "How many file descriptors there may be") {
            ProcessStatistics.current.maximumDescriptors.map(Double.init)
        }
        registry.add("process_cpu_seconds_total", .counter, "User and system time") {
            [MetricSample([], .real(ProcessStatistics.current.cpuSeconds))]
        }
        registry.add("holdfast_build_info", .gauge, "1, labelled with the version") { [MetricSample([("version", Version.text)], .integer(1))] }
    }
}
