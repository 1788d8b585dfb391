/// The certificate of the reference page on the Cache-Only Key Service, section 10: RSA-4096, valid from 2024 to 2034. Its private key is the
/// page's.
package enum OrgTestCertificate {
    package static let pem = """
        -----BEGIN CERTIFICATE-----
        MIIFejCCA2KgAwIBAgIHAQIDBAUGBzANBgkqhkiG9w0BAQsFADBzMR0wGwYDVQQD
        DBRUZXN0QllPS1dyYXBwaW5nQ2VydDEYMBYGA1UECwwPMDBEMDAwMDAwMDAwMDAx
        MRkwFwYDVQQKDBBFeGFtcGxlIFRlc3QgT3JnMRAwDgYDVQQHDAdOb3doZXJlMQsw
        CQYDVQQGEwJVUzAeFw0yNDAxMDEwMDAwMDBaFw0zNDAxMDEwMDAwMDBaMHMxHTAb
        BgNVBAMMFFRlc3RCWU9LV3JhcHBpbmdDZXJ0MRgwFgYDVQQLDA8wMEQwMDAwMDAw
        MDAwMDExGTAXBgNVBAoMEEV4YW1wbGUgVGVzdCBPcmcxEDAOBgNVBAcMB05vd2hl
        cmUxCzAJBgNVBAYTAlVTMIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEA
        q1Fm/LBPX/IFPoWJiLY3GBIL3V+u3WMcxhyD7PPs1wWIn7OqsfVzXe02ezwHbunx
        e2d/5ETBkXo8YVIaF9F+rl/Kzqwkqork+t/JdSwk+9IA1ADxqAD2boBqkWZd5mqI
        vwe1EV52XASXo9K7ws0LnGLeK04XR2sHp50MhZH1zEf7txxoQDOa2Q+TxzE6nal4
        xWwXfbM3cgRVyll4eKcjGrfpv5NUDX162u0FSZX6/8+ALlRN3UrfLWEmFxFV8iw5
        g1fKIArPkbBqgqwcUX7Yt2AjtMx+wK41sAq20tlBMU2AWdZDzbX6EL51KtQsyKNY
        jYb7A/k0Yl/Jtb0PEbkIWjxz4OawOixUaKc1GkjqX7CHbFN8tGiRpmrr0tjtAdk2
        DD9P4iKo/ICHN1UIEVAkQGhJRKBFYZq51iaUAHEJXP2yqcXsfW803O7G1X+mYF2U
        6QHgqLgjKgCU92orpZubGALaXVPZed79o4iNKULZyH2waRyF5L/6t8YmOTStXdW/
        A6SJCt/p31tp2Y4Vq0IcSwGaL/f1+GaukxXusEsaJ/4rL/a4m3NCKorx2BDYG4zs
        OYak9OQKnJFJGqpZKfTWPua4R8GIsUdZKCaa9FvYK6+jPKsfoi0oXV6GBrCqfj/4
        olLF8J+fDpHls0sgecLB3PghNDT9tvQzIy+uSoW2DxMCAwEAAaMTMBEwDwYDVR0T
        AQH/BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOCAgEAFd6S+4el1moP094olIEtN5oO
        g4JnYavZ8PgvNnMp+6Q6tT+imOgH3Zpu6cs0m8Rl/56KnSnumDoeBdMEH0+/IGv/
        SxpGsvtrzlxyAUYKvrueHEmXS33BFLiU4f/MN++ec78pQvLZOQ0SO+NboL9F3LjW
        RT3z7Br+t1rrZLL/7gt/tGouXXnc5sdK/bs3lvrfIW+k2HaeQGZoHX+gg5zrHSL8
        5RAJaU5TAjtI4P8QagG23t0ZsOwIOvenqQCzAdHklezUV7H7QGSwruqVyYmvklwP
        tUIj4+0HSfHZHfn2uvFmMdhpDF09yHBbuS7/shLDtbRwexPPGZL2ZodDJLuEzXZH
        yY1FS7BtRhqLpq+E7mnEeDyHaF7PuysuLyfwAGPMlA03gmO05AvKzU3zZVcSg9Ez
        6DEiCYQyKyyy9OUjDCH/WtMot6IJj4l69zj177E1nZQ8m8NqrmLu2pM+hT+s+b3C
        eiI1DjiEPisaWCxuu9BzzDLTAMrUOkUj1bLv6+OPcgUm8iafkHX51rg9gwOqJBup
        8WZkY+k6h0OGqrwkhnzg1BTHw7nsKrSu40ead/n/tsjhFhQ7eZy3b5jj5f5XPtWU
        KMqn2LUYsqkQB1MVoCs15hFRTlxOLzDJnZRRe7W/7JvNTGKB3nJDFfuR8xq9xyed
        VA3Ae+h+7ufb+Yiv66s=
        -----END CERTIFICATE-----
        """

    /// SHA-256 of its public key's SubjectPublicKeyInfo, as the page has it.
    package static let spkiSHA256 = "a20dc070737a495b654757e700c40bafdbe1c7aba5a5ca3a46fa3b844603cad2"
}
