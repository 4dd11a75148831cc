package show

// Resource is a resource of a device, with its parts.
type Resource struct {
	At Place
	Part
}

// Part is a resource without the device whose it is.
type Part struct {
	Name string
	// Path is how it is named to the tool, for instance "/IPv4/fib". Option -v.
	Path string
	// Size is how large it is; the highest number is "unlimited". SizeNew is what it
	// becomes with the next reload, missing if it stays.
	Size, SizeNew Number
	// Occupied is how much is taken.
	Occupied Number
	// Unit is "entry".
	Unit string
	// Min, Max and Granularity are what sizes can be set; missing where there is no
	// choice.
	Min, Max, Granularity Number
	// Tables are the dpipe tables that use it; nil is "none".
	Tables []Table
	// Valid tells, while a change waits for a reload, whether the parts are no more
	// than the whole. Only what has parts has it.
	Valid Answer
	// Parts are its parts; nil is missing.
	Parts []Part
}

// Table names a dpipe table.
type Table struct{ Name string }

var units = []string{"entry"}

// Section implements [Row].
func (*Resource) Section() Section { return Resources }

// Place implements [Row].
func (r *Resource) Place() Place { return r.At }

func (*Resource) title() string { return "" }

func (p *Part) members(f *form) {
	f.name("name", &p.Name, true)
	f.path("resource_path", &p.Path)
	f.size("size", &p.Size, true)
	f.size("size_new", &p.SizeNew, false)
	f.size("occ", &p.Occupied, false)
	f.choice("unit", &p.Unit, true, units)
	f.size("size_min", &p.Min, false)
	f.size("size_max", &p.Max, false)
	f.size("size_gran", &p.Granularity, false)
	f.tables(&p.Tables)
	f.answer("size_valid", &p.Valid, false, true)
	records(f, "resources", &p.Parts, false)
}

func (t *Table) members(f *form) { f.name("table_name", &t.Name, true) }

// tables is the member that is "none" or an array.
func (f *form) tables(v *[]Table) {
	const key = "dpipe_tables"
	get, put, check := f.step(key, true, true)
	switch {
	case get:
		f.in.arrayOr(key, "none", func() {
			*v = append(*v, Table{})
			f.read(key, &(*v)[len(*v)-1])
		})
	case put && *v == nil:
		f.out.key(key)
		f.out.word("none")
	case put:
		f.out.list(key)
		for i := range *v {
			f.out.begin('{')
			f.inner(&(*v)[i])
			f.out.end('}')
			f.out.newline()
		}
		f.out.unlist()
	case check:
		f.blame(key, *v == nil || len(*v) > 0)
		for i := range *v {
			f.inner(&(*v)[i])
		}
	}
}

// path is a member that is a name with slashes.
func (f *form) path(key string, v *string) {
	get, put, check := f.step(key, false, *v != "")
	switch {
	case get:
		if *v = f.in.word(key); !validPath(*v) {
			f.in.refuse(key, *v, "not a path")
		}
	case put:
		f.out.key(key)
		f.out.word(*v)
	case check:
		f.blame(key, *v == "" || validPath(*v))
	}
}

// validPath reports whether s is made of names, each after a slash.
func validPath(s string) bool {
	for s != "" {
		if s[0] != '/' {
			return false
		}
		n := 1
		for n < len(s) && s[n] != '/' {
			n++
		}
		if !validName(s[1:n]) {
			return false
		}
		if s = s[n:]; s == "" {
			return true
		}
	}
	return false
}
