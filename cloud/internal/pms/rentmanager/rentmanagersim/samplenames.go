package rentmanagersim

import "strings"

// firstNames and lastNames are common names of many places, mixed so that no pair means a real person.
func firstNames() []string {
	return strings.Fields(`Amara Anders Aiko Beatriz Bram Carmela Chidi Dana Dariusz Delphine Ebba Emeka Esra Fatima
		Fergus Fiona Gita Gustavo Hana Hamza Ikram Ingrid Isidro Jamila Jarek Jolene Kamal Keiko Kwame Lakshmi Leif Leocadia
		Luis Mahir Marguerite Mei Milos Nadia Nikhil Noor Odalys Olof Oksana Pablo Padma Petra Quentin Rania Rasmus Renata
		Rohan Sabine Samir Saoirse Seth Shirin Soledad Sven Tadeo Tamsin Thandi Tova Ulrike Umar Valentin Vesna Wanda Wen
		Xiomara Yael Yusuf Zdenka Zuri Zoë René Núria Björn Siân`)
}

func lastNames() []string {
	return strings.Fields(`Abernathy Adeyemi Akers Alcott Andersson Arroyo Baptiste Barlow Bellwood Bianchi Birdsong
		Bjork Blackwood Bosko Brennan Cabrera Calloway Castellan Chaudry Coldwell Crane Cutler Dabrowski Dalgaard Delacroix
		Dempsey Diallo Drummond Eastman Eklund Espinoza Fairweather Farouk Feld Ferreira Finch Galloway Garrity Ghorbani
		Goddard Greer Haddad Halloran Hartwell Hasegawa Holm Ibarra Inoue Ivers Jankowski Jephson Jimenez Kaplan Karlsson
		Keane Kettering Kimura Kovac Lachance Larkin Lindqvist Lockhart Lund Macklin Maduro Marchetti Mbeki Merriweather
		Mirza Moreau Nakata Navarro Ndiaye Nordstrom Novak Oakes Obi O'Dell Okafor Olsen Ortega Pacheco Paulsen Penrose
		Pfeiffer Quill Quintero Rademaker Ramanathan Redfern Rosales Rourke Sandoval Sato Schiller Selby Sheth Silva
		Skarsgaard Stavros Sutter Tanaka Thorne Tillman Udall Vance Varga Velasco Vickers Wadsworth Wexler Winslow Yamada
		Yates Zapata Zielinski`)
}

// asciiOf is how a mail address spells a name.
func asciiOf(name string) string {
	return strings.NewReplacer("ë", "e", "é", "e", "ú", "u", "ö", "o", "â", "a", "'", "", " ", "").Replace(strings.ToLower(name))
}
