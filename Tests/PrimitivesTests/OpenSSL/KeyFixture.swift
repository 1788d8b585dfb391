/// Keys and certificates that tests feed to the readers. The EC key of the certificates is the one that RFC 6979, A.2.5
/// publishes; the other public keys were made once and their private halves forgotten.
enum KeyFixture {
    /// RSA with 1024 bits.
    static let rsa1024 = """
        -----BEGIN PUBLIC KEY-----
        MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDlpq75hVpTGKIdKrSUtnIZ5oBF
        ihJ2MDWEhMUcSAcrT30f8ofBPVFktBnpDyZMQQmDs1LSsArB/nEciIDcaYsF2t7e
        GOal2nvXNdKQA189E+MvEBg1+f/3WLtd2h4/sqwBoaU1sBSH0TXZywZAyZGF/P1x
        j7aDCMalg9k3jjXEPQIDAQAB
        -----END PUBLIC KEY-----
        """

    /// RSA-2048 with the exponent 3.
    static let rsaExponent3 = """
        -----BEGIN PUBLIC KEY-----
        MIIBIDANBgkqhkiG9w0BAQEFAAOCAQ0AMIIBCAKCAQEA4IArsDrNpScrfpEXP6U0
        IZa1qstdH6oOre+6PG2+8V6xVD/QRjkMim7mhsg5Wuc/+0xuB2gasPsVxZiCh/wY
        7nM2bboX2ms15ue72tVZuhBy0/nkIJ1C0t43lxZrtdVBfaW742uD0ion+NxqIWWR
        554tikcj678XRdkAfL92mOUrH1tH7xarn3kqfrqhXI6WW2hTXuc64+Fj0hlvJKmk
        1FlwtiRnffAaLql1QMhNUy9rfzw6cIqYcYH3waZ6i1E9/4ZHNB//+Fm3u39GLohV
        /t4VxmIFbgwyMbjWaNYxSbyspYHUG1jbtLoybAMwnbxAYPcrHqNxZE121a+CUi7R
        CwIBAw==
        -----END PUBLIC KEY-----
        """

    /// A point on P-256, with the curve written out instead of named.
    static let ecExplicit = """
        -----BEGIN PUBLIC KEY-----
        MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAA
        AAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA////
        ///////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSd
        NgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5
        RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA
        //////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABIvQVYMtZrW0PItvH3y7a9Zh
        Iu3Lw7J7oGdHtu/N+ZayVjmCu1my05vYkegVJ/OUZLpqsWmLD4xEOSn0GVMtNyU=
        -----END PUBLIC KEY-----
        """

    /// A point on a curve of another family.
    static let secp256k1 = """
        -----BEGIN PUBLIC KEY-----
        MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEFfivtu+49c9/xxopAOrPwCBvs0a8IPqF
        0r+u7nba70bzWw3D4SjvIIV+86aUZnJ0//Xl550vaIOFgV2JrTob1A==
        -----END PUBLIC KEY-----
        """

    /// RSA-2048 under the object identifier id-RSASSA-PSS.
    static let rsaPSSOnly = """
        -----BEGIN PUBLIC KEY-----
        MIIBIDALBgkqhkiG9w0BAQoDggEPADCCAQoCggEBAPGAoQ2STLqNybUIiYJwG6e3
        XVSVaezyEzH4w9g7HlCpTsNhNJRmmozmNNmT6dgH4efsb470ZzUicV3Km3pjBBlZ
        bj/ZsQ+NLRIinz09DHlUBaT55nDjOdmMUNOfAd05J3NRlwgXfzKAcVEi1Ki/bElC
        CMU65FqX1meEqOu3Vy/r5rRlNNTTlkwBtocJyWVhQeNq1ww1FkXczOSTsT5uku/0
        OBmJvdY3Vg1/v5ntCiYVq1elyEjQov24CybnBrNeuVo47sseOTXBuqjwL1fCbadG
        bUli4lMZR+7iMTgtH0LWtpqQNWZwLwzipPvLQH8Oao6xFZAAbpKUe3NgPgg68vcC
        AwEAAQ==
        -----END PUBLIC KEY-----
        """

    /// Every kind of alternative name; subject with a comma and two umlauts.
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIICADCCAaegAwIBAgIDAKsSMAoGCCqGSM49BAMCMEExCzAJBgNVBAYTAkNIMRgw
        FgYDVQQKDA9Nw7xsbGVyLCBTw7ZobmUxGDAWBgNVBAMMD2ttcy5leGFtcGxlLmNv
        bTAeFw0yNjExMjQwMjU5MDdaFw0zNjExMjEwMjU5MDdaMEExCzAJBgNVBAYTAkNI
        MRgwFgYDVQQKDA9Nw7xsbGVyLCBTw7ZobmUxGDAWBgNVBAMMD2ttcy5leGFtcGxl
        LmNvbTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGD+1LolWp0xyWHrdMY1bWjA
        SbiSO2H6bOZpYi5g8p+2eQP+EAi4vJmkGunpVii8ZPLxsgwtfp9Rd6PClNRGIpmj
        gY0wgYowaQYDVR0RBGIwYIIPa21zLmV4YW1wbGUuY29tghEqLmVrbS5leGFtcGxl
        LmNvbYcEwAACB4cQIAENuAAAAAAAAAAAAAAAAYEPb3BzQGV4YW1wbGUuY29thhFo
        dHRwczovL3guZXhhbXBsZTAdBgNVHQ4EFgQUGpVpV5vOMpqULQdpycC1ZDFWNxAw
        CgYIKoZIzj0EAwIDRwAwRAIge4ArfvEFcY6r4WWWZlOMD4kqsnW89vMz5Ees+w2L
        L8gCIA/I5xj9+CCDQmSKLQZgaPJU/1qt/TUEEDgtouIiCKWj
        -----END CERTIFICATE-----
        """

    /// RSA with 1024 bits inside.
    static let certificateOfWeakKey = """
        -----BEGIN CERTIFICATE-----
        MIIB+jCCAWOgAwIBAgIUCQ9z06KSzAo/Vetc/kNd4KsByfQwDQYJKoZIhvcNAQEL
        BQAwDzENMAsGA1UEAwwEd2VhazAeFw0yNjExMjQwMjU2MjhaFw0zNjExMjEwMjU2
        MjhaMA8xDTALBgNVBAMMBHdlYWswgZ8wDQYJKoZIhvcNAQEBBQADgY0AMIGJAoGB
        ALw3vc0iZeCeHnzedbw2tfIM8l6/qKa9DP7mlYjk7UwWSDv6gfWNy4zoIKd8HPVM
        rY0x0jo7uKcOaU3x6FCXw2WbKR4GX9j/dqqRRUGTWKtTt+i1QW/J7ez8Zc0tI+sT
        bbb7fEiHC7Jj+93T2R/erOlkPkXdb2hNt6AQWj+NK0+tAgMBAAGjUzBRMB0GA1Ud
        DgQWBBTj4rNaKXlW2uoNQGDy2eS/cfqw0TAfBgNVHSMEGDAWgBTj4rNaKXlW2uoN
        QGDy2eS/cfqw0TAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA4GBAHYS
        5edGzS/RV32j90ffYpNp6MUZ5zObJ/jb9oQL3dsxDphEjehwrHp9E5hrNmfhWYg8
        XlYFTss3cCHqh1MMD2gLeN8MXpf0CKtFyTtSCldccvKzFpAe4CYKVFb2p6z+K37q
        ldtIW4U1zQit0IfAWTlrwl2kCmUICesDJel3HEs+
        -----END CERTIFICATE-----
        """

    /// `subjectAltName` holds the DNS name `a<NUL>example`.
    static let certificateWithNUL = """
        -----BEGIN CERTIFICATE-----
        MIIBhzCCAS2gAwIBAgIUSA9VpIaWD1s9d/76JVmVr2KP6wkwCgYIKoZIzj0EAwIw
        DjEMMAoGA1UEAwwDbnVsMB4XDTI2MTEyNDAyNTkwN1oXDTM2MTEyMTAyNTkwN1ow
        DjEMMAoGA1UEAwwDbnVsMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVa
        nTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+
        n1F3o8KU1EYimaNpMGcwHQYDVR0OBBYEFBqVaVebzjKalC0HacnAtWQxVjcQMB8G
        A1UdIwQYMBaAFBqVaVebzjKalC0HacnAtWQxVjcQMA8GA1UdEwEB/wQFMAMBAf8w
        FAYDVR0RBA0wC4IJYQBleGFtcGxlMAoGCCqGSM49BAMCA0gAMEUCIQCF/flAQf3A
        4N16w/AzwbHKur5i67tCUNrUbM40wRaL+gIgCrpnolz9iFa2Oxlz1mpg/9D6Zo1+
        UrS1S0iQ8fpgtYs=
        -----END CERTIFICATE-----
        """

    /// PKCS#8 of the P-256 key of RFC 6979, A.2.5.
    static let p256PKCS8 = Vector.bytes(
        "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420"
            + "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
}
