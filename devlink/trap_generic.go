package devlink

// GenericTrap reports whether a name is that of a trap that Linux knows, which means the
// same with every device. Other traps are a driver's own. Linux: enum
// devlink_trap_generic_id (include/net/devlink.h).
func GenericTrap(name string) bool {
	_, ok := genericTrap(name)
	return ok
}

// genericTrap returns the type of a trap that Linux knows. Linux: devlink_trap_generic
// (net/devlink/trap.c).
func genericTrap(name string) (t TrapType, ok bool) {
	switch name {
	case "ttl_value_is_too_small", "mtu_value_is_too_small", "unresolved_neigh", "mc_reverse_path_forwarding",
		"reject_route", "ipv4_lpm_miss", "ipv6_lpm_miss", "decap_error":
		return TrapException, true
	case "source_mac_is_multicast", "vlan_tag_mismatch", "ingress_vlan_filter", "ingress_spanning_tree_filter",
		"port_list_is_empty", "port_loopback_filter", "blackhole_route", "tail_drop",
		"non_ip", "uc_dip_over_mc_dmac", "dip_is_loopback_address", "sip_is_mc", "sip_is_loopback_address",
		"ip_header_corrupted", "ipv4_sip_is_limited_bc", "ipv6_mc_dip_reserved_scope",
		"ipv6_mc_dip_interface_local_scope", "non_routable_packet", "overlay_smac_is_mc",
		"ingress_flow_action_drop", "egress_flow_action_drop", "early_drop", "blackhole_nexthop", "dmac_filter",
		"locked_port":
		return TrapDrop, true
	case "stp", "lacp", "lldp", "eapol", "igmp_query", "igmp_v1_report", "igmp_v2_report", "igmp_v3_report",
		"igmp_v2_leave", "mld_query", "mld_v1_report", "mld_v2_report", "mld_v1_done", "ipv4_dhcp", "ipv6_dhcp",
		"arp_request", "arp_response", "arp_overlay", "ipv6_neigh_solicit", "ipv6_neigh_advert", "ipv4_bfd",
		"ipv6_bfd", "ipv4_ospf", "ipv6_ospf", "ipv4_bgp", "ipv6_bgp", "ipv4_vrrp", "ipv6_vrrp", "ipv4_pim",
		"ipv6_pim", "uc_loopback", "local_route", "external_route", "ipv6_uc_dip_link_local_scope",
		"ipv6_dip_all_nodes", "ipv6_dip_all_routers", "ipv6_router_solicit", "ipv6_router_advert", "ipv6_redirect",
		"ipv4_router_alert", "ipv6_router_alert", "ptp_event", "ptp_general", "flow_action_sample",
		"flow_action_trap":
		return TrapControl, true
	case "vxlan_parsing", "llc_snap_parsing", "vlan_parsing", "pppoe_ppp_parsing", "mpls_parsing", "arp_parsing",
		"ip_1_parsing", "ip_n_parsing", "gre_parsing", "udp_parsing", "tcp_parsing", "ipsec_parsing",
		"sctp_parsing", "dccp_parsing", "gtp_parsing", "esp_parsing":
		return TrapDrop, true
	}
	return 0, false
}

// GenericGroup reports whether a name is that of a group of traps that Linux knows.
// Linux: enum devlink_trap_group_generic_id (include/net/devlink.h).
func GenericGroup(name string) bool {
	switch name {
	case "l2_drops", "l3_drops", "l3_exceptions", "buffer_drops", "tunnel_drops", "acl_drops", "stp", "lacp",
		"lldp", "mc_snooping", "dhcp", "neigh_discovery", "bfd", "ospf", "bgp", "vrrp", "pim", "uc_loopback",
		"local_delivery", "external_delivery", "ipv6", "ptp_event", "ptp_general", "acl_sample", "acl_trap",
		"parser_error_drops", "eapol":
		return true
	}
	return false
}
