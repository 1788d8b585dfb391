@testable import KeyCore
import Testing

@Suite("IP addresses and networks") struct IPAddressTests {
    @Test("read and written in canonical form (RFC 5952)", arguments: [
        ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("::", "::"), ("::1", "::1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"), ("2001:db8::", "2001:db8::"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"), ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("::ffff:192.0.2.1", "192.0.2.1"), ("::FFFF:c000:201", "192.0.2.1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ])
    func canonical(text: String, expected: String) {
        #expect(IPAddress(text)?.description == expected)
    }

    @Test("refused", arguments: [
        "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.+4", "1.2.3.4 ", "1..2.3", "0x1.2.3.4", ":", ":::", "1::2::3", "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::", "g::", "+1::", "fe80::1%eth0", "::1.2.3", "1.2.3.4::", "[::1]", "1:2:3:4:5:6:7:1.2.3.4",
    ])
    func refused(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("bytes and text name the same address")
    func bytes() {
        #expect(IPAddress(bytes: [192, 0, 2, 1]) == IPAddress("192.0.2.1"))
        #expect(IPAddress(bytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 1]) == IPAddress("192.0.2.1"))
        #expect(IPAddress(bytes: [UInt8](repeating: 0, count: 15) + [1]) == IPAddress("::1"))
        #expect(IPAddress(bytes: [1, 2, 3]) == nil)
    }

    @Test("a network holds", arguments: [
        ("192.0.2.0/24", "192.0.2.255", true), ("192.0.2.0/24", "192.0.3.0", false), ("192.0.2.0/24", "::ffff:192.0.2.9", true),
        ("::ffff:192.0.2.0/120", "192.0.2.9", true), ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false),
        ("0.0.0.0/0", "203.0.113.1", true), ("0.0.0.0/0", "2001:db8::1", false), ("::/0", "2001:db8::1", true), ("::/0", "192.0.2.1", false),
        ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false), ("192.0.2.4/31", "192.0.2.5", true),
        ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false), ("2001:db8::1/128", "2001:db8::2", false),
        ("128.0.0.0/1", "127.255.255.255", false), ("128.0.0.0/1", "200.0.0.1", true),
    ])
    func contains(network: String, address: String, inside: Bool) throws {
        #expect(try IPNetwork(network).contains(IPAddress(address)!) == inside)
    }

    @Test("a network is refused", arguments: [
        "", "/8", "192.0.2.0/", "192.0.2.0/33", "192.0.2.1/24", "192.0.2.0/-1", "192.0.2.0/+8", "192.0.2.0/24/1", "2001:db8::/129", "2001:db8::1/64",
        "::ffff:192.0.2.0/24", "example.com/8", "any",
    ])
    func refusedNetwork(text: String) {
        #expect(throws: Complaint.self) { try IPNetwork(text) }
    }

    @Test("a network with bits beyond its prefix is refused with the right spelling")
    func hint() throws {
        #expect(throws: Complaint("expected no bits beyond the prefix; write “192.0.2.0/24”")) { try IPNetwork("192.0.2.77/24") }
        #expect(try IPNetwork("::ffff:192.0.2.0/120").description == "192.0.2.0/24")
    }
}
