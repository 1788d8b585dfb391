import Foundation
import Primitives

/// Where a running server is reached: told to the data folder, to `demo.json`, and to `--ready-file`.
struct ServerAddresses: Sendable {
    let folder: DataFolder
    let dataPlaneURL: String
    let managementURL: String
    let managementSocket: String?

    /// Writes the files, each at once and whole.
    func publish(readyFile: String?) throws {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("dataPlaneURL", dataPlaneURL)
            writer.member("managementURL", managementURL)
            if let managementSocket { writer.member("managementSocket", managementSocket) }
            writer.member("pid", Int64(ProcessInfo.processInfo.processIdentifier))
        }
        try write(writer.bytes, to: folder.serverPath)
        try updateDemo()
        if let readyFile { try write(writer.bytes, to: readyFile) }
    }

    /// Removes what says that a server runs here.
    func withdraw(readyFile: String?) {
        try? FileManager.default.removeItem(atPath: folder.serverPath)
        if let readyFile { try? FileManager.default.removeItem(atPath: readyFile) }
    }

    /// With port 0 the demo's addresses are known only now.
    private func updateDemo() throws {
        guard let data = FileManager.default.contents(atPath: folder.demoPath) else { return }
        guard let demo = Demo(parsing: Array(data)), demo.dataPlaneURL != dataPlaneURL else { return }
        try write(demo.moved(to: dataPlaneURL).json, to: folder.demoPath)
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        do {
            try Data(bytes + [0x0A]).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw Complaint("\(path) can't be written: \(error.localizedDescription)")
        }
    }
}

/// What `init --demo` leaves for scripts in `demo.json`.
struct Demo: Sendable, Equatable {
    var dataPlaneURL: String
    var caFile: String
    var keyURI: String
    var audience: String
    var callerEmail: String
    var endpointID: String

    /// The same at another address.
    func moved(to url: String) -> Demo {
        var demo = self
        demo.keyURI = url + keyURI.dropFirst(dataPlaneURL.count)
        demo.dataPlaneURL = url
        return demo
    }

    var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("dataPlaneURL", dataPlaneURL)
            writer.member("caFile", caFile)
            writer.member("keyURI", keyURI)
            writer.member("audience", audience)
            writer.member("callerEmail", callerEmail)
            writer.member("endpointID", endpointID)
        }
        return writer.bytes
    }

    init(dataPlaneURL: String, caFile: String, keyURI: String, audience: String, callerEmail: String, endpointID: String) {
        (self.dataPlaneURL, self.caFile, self.keyURI) = (dataPlaneURL, caFile, keyURI)
        (self.audience, self.callerEmail, self.endpointID) = (audience, callerEmail, endpointID)
    }

    /// Reads the file's content.
    init?(parsing bytes: [UInt8]) {
        guard let value = try? JSONValue(parsing: bytes), let url = value["dataPlaneURL"]?.string,
            let caFile = value["caFile"]?.string, let keyURI = value["keyURI"]?.string, let audience = value["audience"]?.string,
            let email = value["callerEmail"]?.string, let endpointID = value["endpointID"]?.string
        else { return nil }
        self.init(
            dataPlaneURL: url, caFile: caFile, keyURI: keyURI, audience: audience, callerEmail: email, endpointID: endpointID)
    }
}
