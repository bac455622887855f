# SPDX-License-Identifier: MIT

if(TARGET fairlead)
	install(TARGETS fairlead DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
get_property(plugins GLOBAL PROPERTY frl_plugins)
if(plugins)
	install(TARGETS ${plugins}
		LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/fairlead/plugins)
endif()
install(DIRECTORY include/fairlead/
	DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/fairlead
	FILES_MATCHING PATTERN "*.h")
file(GLOB confs CONFIGURE_DEPENDS conf/*.yaml)
install(FILES ${confs} LICENSE README.md CHANGES.md
	DESTINATION ${CMAKE_INSTALL_DOCDIR})
# Where the others say they are: docs/NAME.md beside them.
file(GLOB docs CONFIGURE_DEPENDS docs/*.md)
install(FILES ${docs} DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)
