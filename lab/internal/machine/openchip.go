package machine

// OpenChip makes the switch of package hwsim that a [Config] without Switch has, for those
// who put something before it.
func OpenChip(c SwitchConfig) (Switch, error) { return openChip(c) }
