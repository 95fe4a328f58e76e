/**
 * Keys of the dev network's attestation service: what Intel's report signing key and CA are to a
 * real chain. They are public on purpose, like //Alice: whoever trusts this root trusts everybody.
 * A real registry pins Intel's CA and refuses whatever is signed with these.
 */

/** X.509 certificate (DER) of the CA that the dev registry pins. Valid 2000 to 2099. */
export const DEV_ROOT_CERT: Uint8Array = fromBase64([
  'MIIDYTCCAkmgAwIBAgIBATANBgkqhkiG9w0BAQsFADBRMSMwIQYDVQQKDBpSdW50aW1lIEJyaWRnZSBkZXYgbmV0d29y',
  'azEqMCgGA1UEAwwhZGV2IGF0dGVzdGF0aW9uIHJlcG9ydCBzaWduaW5nIENBMCAXDTAwMDEwMTAwMDAwMFoYDzIwOTkx',
  'MjMxMjM1OTU5WjBRMSMwIQYDVQQKDBpSdW50aW1lIEJyaWRnZSBkZXYgbmV0d29yazEqMCgGA1UEAwwhZGV2IGF0dGVz',
  'dGF0aW9uIHJlcG9ydCBzaWduaW5nIENBMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvvIGmXC+Bc8xluxX',
  '+1tQy2TB6528ET6z2Qb2D6BQj40XQrp0VOGIaox1rLSp4Wl7k8BQQh5EWd7Sph3nkIklNZ89urpbT1mmmtKwSFvEIk9y',
  'fmoZDJSXwJ1B4nxiI4qu2apuF3ygTPKJqewOF5v2g1TxFvERiza07OlkLHWN6NgeDEkzzMmXHyQR1BIEighQgRhp80O0',
  '+phlDNupihqMxq/Sw64XdjPPH3p2nmdfMx+Yf7pIGmj2So26tFxp3AHYrLe3u58IdrXh26oCnImT4GqAKliukP0QyNAX',
  '5VJVUFYllMzQNYwPGiqavb8TGSI1K2pXpwzZtoL/QwK7SZ3g4wIDAQABo0IwQDAPBgNVHRMBAf8EBTADAQH/MA4GA1Ud',
  'DwEB/wQEAwIBBjAdBgNVHQ4EFgQUCSa3aBXuAMN4uLANcNQab+4/2fUwDQYJKoZIhvcNAQELBQADggEBAD6gLtB6Lm/N',
  'NUWgRmloMQtlJ+Fy7hmJATnoNC/nwrCsnEV+tovClpwAXQMpstRL0f0G5XdTXwIr9wt1MmQEKyHk+s+JpEX3Wq1NHD6F',
  'pcM8a46/B5Hc5ug4wEEIEe7eBQzd4Op/nLdPjfJhkZx+Rw1AfdeaN1hVxRcLUBRD79/2++/JVQoy/VewFai0gad2rsdp',
  'tM+ZammwH9RQAYjxkGYrpghjab627MXMor4ZRLBVT6kRjV/wWniI9jrgH/+vviNK1gPPYLq0MhG1bAwxSmjrzHB5C9rg',
  'Up3F7hi6dVCrkos4qrDDj2MO7oXVGF5j8cKfZzwh5lgNILvvob4UxzA=',
]);

/** X.509 certificate (DER) of the report signing key, issued by {@link DEV_ROOT_CERT}. */
export const DEV_SIGNING_CERT: Uint8Array = fromBase64([
  'MIIDfDCCAmSgAwIBAgIBAjANBgkqhkiG9w0BAQsFADBRMSMwIQYDVQQKDBpSdW50aW1lIEJyaWRnZSBkZXYgbmV0d29y',
  'azEqMCgGA1UEAwwhZGV2IGF0dGVzdGF0aW9uIHJlcG9ydCBzaWduaW5nIENBMCAXDTAwMDEwMTAwMDAwMFoYDzIwOTkx',
  'MjMxMjM1OTU5WjBOMSMwIQYDVQQKDBpSdW50aW1lIEJyaWRnZSBkZXYgbmV0d29yazEnMCUGA1UEAwweZGV2IGF0dGVz',
  'dGF0aW9uIHJlcG9ydCBzaWduaW5nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApE74mD/Jh2CM+iPt0aNQ',
  'wg/MNa9ZtKqjGuWSsUVyXM9xUWiLdifaOCVRTX572Dyo7pFaaQjfZEpIQBqLzrmbtH8PopaTXPc1Uju3MhHB4xQK+w++',
  '4AMUUTBU0/YUbEJPLPyfuPere1T/mGacbHBv9jLSAkEdy6Kcm0pZgiEvstiGVjZ4LvNuXEnNQonINwc1nf+mNWY595az',
  'c1dS4VCBWT7BSdZ18acCmI/rybvqZesv6fYF65rBBNy7uB0ktK/SgzOIVjaJiGm+hlEFEC1kGIDbUDndkDggMH8adOz/',
  'Pe651X79/jq8cmF1uyWnn1AaRFHvVqXXTl7trqRxr+dlGQIDAQABo2AwXjAMBgNVHRMBAf8EAjAAMA4GA1UdDwEB/wQE',
  'AwIGwDAfBgNVHSMEGDAWgBQJJrdoFe4Aw3i4sA1w1Bpv7j/Z9TAdBgNVHQ4EFgQUECAXvuEQPU4zXi8VfEt+VOixxgww',
  'DQYJKoZIhvcNAQELBQADggEBAIql9ZnqYfaZSM6DT1g3oJr0Fga5HnACe1G4h5OaRTsqL4EIbn+zcWUPg9O6Ajc2QXo+',
  'n+Cv1o1Nj89n4GTtwnKTEpTuFprDzkj3eXVebZfob/BXX1MKqzYTksRjmOTxv/9/32uzfu2SUze5fEjICMyvD+HlNOKH',
  'X7ftUw2WdVBicCS5baQVIARcVRf3u9pS2X5eW/nKVliIaOyadMMe2dE1Cog4bHxC7AmNnnN5pv8kWZgiU5WfvMURJy2J',
  'mn/mSvPOD2ypcZA/A3zfv/gwCe7kiwvw1HLWlGNp/7V5nPqbuT8Xe7TEWxgSJ96w7JG69jGYxwBr4Xn6jnP8kwsD5+4=',
]);

/** Private key (PKCS #8 DER, RSA-2048) that belongs to {@link DEV_SIGNING_CERT}. */
export const DEV_SIGNING_KEY: Uint8Array = fromBase64([
  'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCkTviYP8mHYIz6I+3Ro1DCD8w1r1m0qqMa5ZKxRXJc',
  'z3FRaIt2J9o4JVFNfnvYPKjukVppCN9kSkhAGovOuZu0fw+ilpNc9zVSO7cyEcHjFAr7D77gAxRRMFTT9hRsQk8s/J+4',
  '96t7VP+YZpxscG/2MtICQR3LopybSlmCIS+y2IZWNngu825cSc1Cicg3BzWd/6Y1Zjn3lrNzV1LhUIFZPsFJ1nXxpwKY',
  'j+vJu+pl6y/p9gXrmsEE3Lu4HSS0r9KDM4hWNomIab6GUQUQLWQYgNtQOd2QOCAwfxp07P897rnVfv3+OrxyYXW7Jaef',
  'UBpEUe9WpddOXu2upHGv52UZAgMBAAECggEAA5ZsXxVTEanzU6vRwvQWf/W3WEHwVZcsWwEF6Pqm+ZF5k6Pn9+kfDY/r',
  'TJK0M553uBR5Istgs3OXoaqwlctQs91jCXE3xAiE211ewwHg2e2NI7HBfFkCu1KwvEYRNVuHStdWdEP2ATTRvmsqnUNl',
  'fviEO9bVivJ8gX/sU6tcTKCpl6IJyzLCnLpL5Yu8l2qDytRSAJH0twE6O8yd1zvkoXrgwqSHiHp4DBl/GNJeI5Sz4dTz',
  'XgjmvGc9ip/vZ50H55kqIuTdgPevu7ui+c/ecfEhvK/qkz8NXBYLMTC+XX9dbeoTgxptReZI2mSerEz6XIzowL4s4a+F',
  'l5mw+Vh/JwKBgQDROznGxIl/4DtpfsDdSxRI21amKDn6G3YZxzHRrk66rzi5frkDZ/htK0KySgqyvWlYOKfajSXyXZSh',
  'dMWdF3vAakDvyxZ4b7rK8y0CTEzRd/LEApmYFQmq5V1tSm9+/Lx9ahtBQySaxM56RgGr2q0ARGN+1adagI65c3NATltp',
  'lwKBgQDJCSOqI8xaw1Wa/t6bCIq/9j2hc2jnvBpFtDMweHMrT+p/GSET06UUWzBsHMFChUxVjfX0NfJuHLjKKGjiPHQv',
  'a39j1cGQ806VdTvkc2ZlzgeUcL8bzFZq21SQwaqS6BYxDRWc4Ntx1RtRitWEnG3cmJ2r5TV3D/IxayPsUCOczwKBgE5I',
  'Im3Dys4VTyVBT1d8Z7J6ngi8tDRnYeBzLqiM1tfyBv8f8ojbtY7iyKl8GlSVmXxwdhzHApOTf7CIyAbmal6rYnBVQ6r7',
  '4p9cLFLXyUX14taDQoQsGtndxv7FAsI4PS2PLXNVc7SUPcxxtN5fiqq266LgvSSXRM8N6uj8aCcxAoGACmPBhxqAhjRQ',
  'KUmAwaxoV1Fnj/+B7XAIP4/3kUq4UQW5TcZDsl2ey3WHBB9cUY7ICifjDTL4i35KgpAiE4ciTg0VMVirv00Dw6+iX8Uj',
  'BqHmPGKzTcF6ud0J+s03fo4mD3ToqAnq7XAhEE7HiCn5d4wfofGfmL6nOqyZ162wmXsCgYEAiO/oKAccf8bNPjNVCYJg',
  'b0MhKjISZX7W1TROG1+CIckH4QjFBelblxdyQFT8QPsbpZBGIfR/kBBYmsGD20IO75E6wkqx2EIj7MmUOtqBbKUjZk5B',
  'aPpcIvLN5sX/DTAqR8cFMVieID4lt4fp4H7+YnTipLEWgkzH3ivRKhpgP70=',
]);

function fromBase64(lines: readonly string[]): Uint8Array {
  return new Uint8Array(Buffer.from(lines.join(''), 'base64'));
}
