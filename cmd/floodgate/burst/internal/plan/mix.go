package plan

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection of
// 64-bit numbers that looks random.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// unmix is the inverse of mix: an id is read back into its index instead of
// being kept in a table of 300,000 strings.
func unmix(x uint64) uint64 {
	x = (x ^ x>>31 ^ x>>62) * 0x319642b2d24d8ec3
	x = (x ^ x>>27 ^ x>>54) * 0x96de1b173f119089
	return x ^ x>>30 ^ x>>60
}

// Salts keep the draws of one vote independent of each other.
const (
	saltVote uint64 = iota + 1
	saltVoter
	saltCandidate
	saltRepeat
	saltEarlier
	saltResend
	saltTag
)

// draw is a number that seed, salt and index alone decide.
func (p *Plan) draw(salt uint64, i int) uint64 {
	return mix(p.key(salt) + uint64(i)*0x9e3779b97f4a7c15)
}

// key makes one salt's own sequence of the seed.
func (p *Plan) key(salt uint64) uint64 {
	return mix(p.seed + mix(salt))
}

// hexDigits is as many as 64 bits take.
const hexDigits = 16

// appendHex writes exactly 16 digits, so that all ids are of one length.
func appendHex(dst []byte, x uint64) []byte {
	const digits = "0123456789abcdef"
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, digits[x>>shift&15])
	}
	return dst
}

// parseHex reads exactly 16 lower-case digits.
func parseHex(s string) (uint64, bool) {
	if len(s) != hexDigits {
		return 0, false
	}
	var x uint64
	for i := range hexDigits {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			x = x<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			x = x<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return x, true
}
