package pms

// Type is what a person is to the lease. The empty Type is a blank or unknown label: allow-lists
// go by label (row A2), so it stays out until somebody decides.
type Type string

// The types. Whether one of them may hold a key is the property's policy.
const (
	TypeResident  Type = "resident"  // on the lease
	TypeOccupant  Type = "occupant"  // lives there, not on the lease
	TypeGuarantor Type = "guarantor" // pays, does not live there
	TypeMinor     Type = "minor"
	TypeApplicant Type = "applicant"
	TypeOwner     Type = "owner"
	TypeVendor    Type = "vendor"
	TypeStaff     Type = "staff"
	TypeVisitor   Type = "visitor"
)

type typeRule struct {
	kind    Type
	primary bool // the label itself says: head of the household
}

// typeLabels maps the words seen in reference pms.md §1.4, §2.1, §3.2 and §4.2, folded.
func typeLabels() map[string]typeRule {
	head := typeRule{TypeResident, true}
	res, occ := typeRule{kind: TypeResident}, typeRule{kind: TypeOccupant}
	pays, asks := typeRule{kind: TypeGuarantor}, typeRule{kind: TypeApplicant}
	return map[string]typeRule{
		"primary": head, "primary resident": head, "primary tenant": head, "head": head,
		"head of household": head, "main": head,
		"resident": res, "tenant": res, "lessee": res, "leaseholder": res, "lease holder": res,
		"co resident": res, "co tenant": res, "co head": res, "spouse": res, "responsible": res,
		"current resident": res, "future resident": res, "former resident": res,
		"occupant": occ, "other occupant": occ, "roommate": occ, "other": occ, "dependent": occ,
		"household member": occ, "customer": occ,
		"guarantor": pays, "cosigner": pays, "co signer": pays,
		"minor": {kind: TypeMinor}, "child": {kind: TypeMinor},
		"applicant": asks, "co applicant": asks, "prospect": asks,
		"owner": {kind: TypeOwner}, "vendor": {kind: TypeVendor}, "contractor": {kind: TypeVendor},
		"service provider": {kind: TypeVendor}, "staff": {kind: TypeStaff}, "employee": {kind: TypeStaff},
		"visitor": {kind: TypeVisitor}, "guest": {kind: TypeVisitor},
	}
}

// Type maps a type label; primary is true when the label itself names the head of the household.
// An unknown or empty label gives "".
func (l Labels) Type(raw string) (t Type, primary bool) {
	r := l.types[fold(raw)]
	return r.kind, r.primary
}
