import Foundation
@testable import KeyCore
import Primitives
import TestSupport
import Testing

@Suite("Backups of earlier versions") struct FrozenBackupTests {
    private let fixture: BackupFixture
    private let path: String
    private let opener = BackupOpener.passphrase(BackupFixture.secret(FrozenBackup.passphrase))

    init() throws {
        fixture = try BackupFixture()
        path = fixture.file("frozen.hfb")
        let bytes = try #require(Data(base64Encoded: FrozenBackup.format1, options: .ignoreUnknownCharacters))
        try bytes.write(to: URL(fileURLWithPath: path))
    }

    @Test("format 1 is read to its end, and every secret value opens")
    func check() throws {
        let report = try BackupCheck.run(path, opener: opener)
        #expect((report.rows, report.secrets, report.files) == (21, 3, 0))
        #expect(report.header.description == "format 1, frozen")
        #expect((report.header.schemaStep, report.header.program, report.header.epoch) == (6, "0.1.0", 1))
    }

    @Test("it is restored at the present schema, and its key is the one that it was")
    func restore() async throws {
        let staging = try BackupStaging(path, opener: opener, folder: fixture.world.folder)
        var order = RestoreOrder(actor: "t")
        order.confirmation = try await fixture.restore.plan(staging, order).confirmation
        _ = try await fixture.restore.run(staging, order)
        let key = try await fixture.world.keys.find("demo")
        let material = try #require(try await fixture.material(key.id))
        #expect(Hex.string(Digest.sha256(material)) == "fdfcd90e24cdec5ec838c793dff45a8684f6c38ffc32955bde55a5140a4809e2")
        #expect(try await fixture.text("SELECT name AS value FROM endpoints") == "demo")
        #expect(try await fixture.text("SELECT name AS value FROM users") == "admin")
    }
}
