import Foundation
import KeyCore
import Primitives
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Workspace client-side encryption, with clients of other makes")
    struct WorkspaceTests {
        /// What curl gets for a method with these fields.
        private static func call(_ kacls: SpawnedKACLS, _ installation: SpawnedInstallation, _ method: String, _ fields: [(String, String)]) async throws -> JSONValue {
            let body = JSONValue.object(fields.map { (name: $0.0, value: .string($0.1)) })
            let file = try installation.folder.write("\(method).json", String(decoding: body.json, as: UTF8.self))
            let output = try await SpawnedTool.sh.run(["-c", """
                exec curl --silent --show-error --cacert '\(installation.demo("caFile"))' --header 'Content-Type: application/json' \
                    --data-binary '@\(file)' '\(kacls.url)/\(method)'
                """]).output
            return try JSONValue(parsing: Array(output.utf8))
        }

        private static func ready(_ kacls: SpawnedKACLS, _ installation: SpawnedInstallation) async throws {
            let authority = try installation.demo("caFile")
            for _ in 0..<200 {
                let outcome = try await SpawnedTool.sh.run(
                    ["-c", "curl --silent --cacert '\(authority)' '\(kacls.url)/certs' | grep -q kid && curl --silent --fail --cacert '\(authority)' '\(kacls.url)/status'"])
                if outcome.status == 0 { return }
                try await Task.sleep(for: .milliseconds(100))
            }
            Issue.record("the endpoint is not served")
        }

        @Test(
            "CSE-72 Google's own drive-cse-upload uploads, validates, and is refused for another resource",
            .enabled(if: FileManager.default.isExecutableFile(atPath: PeerPython.path), "drive-cse-upload is not installed: `make conformance` does it"))
        func driveUpload() async throws {
            let installation = try await SpawnedInstallation.demo()
            let server = try await installation.serve()
            let kacls = try await SpawnedKACLS(installation, server)
            try await Self.ready(kacls, installation)
            let resource = "//googleapis.com/drive/files/file-1"
            let credentials = try installation.folder.write("credentials.json", """
                {"access_token":"x","refresh_token":"x","id_token":"\(kacls.authentication())","token_uri":"https://idp.invalid","client_id":"client",
                 "client_secret":"x","scopes":["openid"],"token_expiry":\(WallClock.system.now.seconds + 3600)}
                """)
            let file = try installation.folder.write("report.txt", String(repeating: "the quarter's figures ", count: 5000))
            let token = try kacls.authorization("writer", issuer: .drive, resource: resource)
            let outcome = try await SpawnedTool.sh.run(["-c", """
                REQUESTS_CA_BUNDLE='\(installation.demo("caFile"))' exec '\(PeerPython.path)' '\(RawPeer.folder)/drive_cse.py' '\(kacls.url)' '\(token)' \
                    '\(credentials)' '\(file)'
                """], timeout: .seconds(120))
            #expect(outcome.output.split(separator: "\n") == ["uploaded report.txt", "refused", "refused"], "\(outcome.text.suffix(4000))")
            let records = try installation.records().filter { $0["event"]?.string?.hasPrefix("kacls.privileged") == true }
            #expect(records.map { $0["outcome"]?.string } == ["allowed", "allowed", "refused", "refused"])
        }

        @Test("OpenSSL verifies our S/MIME signature, and we open what OpenSSL encrypted")
        func smime() async throws {
            let installation = try await SpawnedInstallation.demo()
            let server = try await installation.serve()
            let kacls = try await SpawnedKACLS(installation, server)
            try await Self.ready(kacls, installation)
            let folder = installation.folder.path
            func sh(_ script: String) async throws -> String {
                let outcome = try await SpawnedTool.sh.run(["-euc", "cd '\(folder)'\n" + script])
                #expect(outcome.status == 0, "\(outcome.text)")
                return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
            }
            _ = try await sh("""
                openssl req -x509 -newkey rsa:2048 -nodes -keyout mail.key -out mail.pem -days 2 -subj '/CN=Ann/emailAddress=ann@example.com' 2>/dev/null
                openssl x509 -in mail.pem -noout -pubkey > mail.pub
                printf 'attack at dawn' > mail.txt
                """)
            let wrapped = try #require(try await Self.call(kacls, installation, "wrapprivatekey", [
                ("authentication", try kacls.authentication()), ("perimeter_id", ""), ("private_key", installation.folder.text("mail.key")),
            ])["wrapped_private_key"]?.string)
            let hash = try await sh("openssl pkey -pubin -in mail.pub -outform DER | openssl dgst -sha256 -binary | base64 -w0")
            func gmail(_ role: String) throws -> String {
                try kacls.authorization(role, issuer: .gmail, resource: "//gmail.googleapis.com/gmail/users/ann%40example.com/settings/cse/keypairs/1", more: [
                    ("message_id", "<1@example.com>"), ("spki_hash", .string(hash)), ("spki_hash_algorithm", "SHA-256"),
                ])
            }
            // Signing: the digest as OpenSSL makes it, the signature as OpenSSL checks it; PKCS#1 v1.5 and PSS.
            for (algorithm, option) in [("SHA256withRSA", ""), ("SHA256withRSA/PSS", "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32")] {
                let digest = try await sh("openssl dgst -sha256 -binary mail.txt | base64 -w0")
                let signature = try #require(try await Self.call(kacls, installation, "privatekeysign", [
                    ("algorithm", algorithm), ("digest", digest), ("wrapped_private_key", wrapped), ("authorization", try gmail("signer")),
                    ("authentication", try kacls.authentication()), ("reason", "sign email"),
                ])["signature"]?.string)
                let verdict = try await sh("echo '\(signature)' | base64 -d > mail.sig; openssl dgst -sha256 -verify mail.pub \(option) -signature mail.sig mail.txt")
                #expect(verdict == "Verified OK")
            }
            // Decrypting: OpenSSL's CMS encrypts to the certificate; the encrypted key in it is what Gmail sends us.
            for (algorithm, options) in [
                ("RSA/ECB/PKCS1Padding", ""), ("RSA/ECB/OAEPwithSHA-256andMGF1Padding", "-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha256"),
            ] {
                _ = try await sh("openssl cms -encrypt -binary -in mail.txt -aes-256-cbc -outform DER -out mail.cms -recip mail.pem \(options)")
                // The encryptedKey of the only recipient: the first OCTET STRING of 256 bytes.
                let encrypted = try await sh("""
                    offset=$(openssl asn1parse -inform DER -in mail.cms | sed -nE 's/^ *([0-9]+):d=[0-9]+ +hl=4 l= *256 prim: OCTET STRING.*/\\1/p' | head -1)
                    tail -c +$((offset + 5)) mail.cms | head -c 256 | base64 -w0
                    """)
                let key = try #require(try await Self.call(kacls, installation, "privatekeydecrypt", [
                    ("algorithm", algorithm), ("encrypted_data_encryption_key", encrypted), ("wrapped_private_key", wrapped),
                    ("authorization", try gmail("decrypter")), ("authentication", try kacls.authentication()), ("reason", "decrypt email"),
                ])["data_encryption_key"]?.string)
                let hex = Hex.string(try Base64.decodeLenient(ArraySlice(key.utf8)))
                let text = try await sh("""
                    openssl asn1parse -inform DER -in mail.cms > mail.asn1
                    iv=$(grep -A1 ':aes-256-cbc' mail.asn1 | sed -n 's/.*HEX DUMP\\]://p')
                    set -- $(sed -nE 's/^ *([0-9]+):d=[0-9]+ +hl=([0-9]) l= *([0-9]+) prim: cont \\[ 0 \\].*/\\1 \\2 \\3/p' mail.asn1 | tail -1)
                    tail -c +$(($1 + $2 + 1)) mail.cms | head -c $3 | openssl enc -d -aes-256-cbc -K \(hex) -iv $iv
                    """)
                #expect(text == "attack at dawn")
            }
        }
    }
}
