import KeyCore
import Plugins

/// The key sources of this build: the only place that names concrete plug-ins.
enum KeySources {
    static let all: [any KeySource] = [EmbeddedKeySource()]

    static func find(_ id: KeySourceID) throws -> any KeySource {
        guard let source = all.first(where: { $0.id == id }) else {
            throw Complaint("key source “\(id)” is not known; expected one of \(all.map(\.id.description).joined(separator: ", "))")
        }
        return source
    }
}
