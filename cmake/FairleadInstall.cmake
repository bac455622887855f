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
install(FILES ${confs} conf/fairlead.logrotate LICENSE README.md CHANGES.md
	DESTINATION ${CMAKE_INSTALL_DOCDIR})
# Where the others say they are: docs/NAME.md beside them.
file(GLOB docs CONFIGURE_DEPENDS docs/*.md)
install(FILES ${docs} DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)

# systemd looks into lib/ of /usr and /usr/local, whatever LIBDIR is.  Only
# `cmake --install` knows the prefix, which the unit names.
install(CODE "
	set(unit \"${CMAKE_BINARY_DIR}/fairlead.service\")
	get_filename_component(bin \"${CMAKE_INSTALL_BINDIR}\" ABSOLUTE
		BASE_DIR \"\${CMAKE_INSTALL_PREFIX}\")
	file(READ \"${CMAKE_SOURCE_DIR}/conf/fairlead.service\" text)
	string(REPLACE /usr/local/bin \"\${bin}\" text \"\${text}\")
	string(REPLACE /usr/local \"\${CMAKE_INSTALL_PREFIX}\" text
		\"\${text}\")
	file(WRITE \"\${unit}\" \"\${text}\")")
install(FILES ${CMAKE_BINARY_DIR}/fairlead.service
	DESTINATION lib/systemd/system)
install(FILES conf/fairlead.sysusers DESTINATION lib/sysusers.d
	RENAME fairlead.conf)

# Whatever root's umask is: the service is another user, and reads these.
install(CODE "
	foreach(folder ${CMAKE_INSTALL_LIBDIR}/fairlead
		${CMAKE_INSTALL_LIBDIR}/fairlead/plugins
		${CMAKE_INSTALL_DOCDIR} ${CMAKE_INSTALL_DOCDIR}/docs)
		get_filename_component(folder \"\${folder}\" ABSOLUTE
			BASE_DIR \"\${CMAKE_INSTALL_PREFIX}\")
		set(folder \"\$ENV{DESTDIR}\${folder}\")
		if(IS_DIRECTORY \"\${folder}\")
			file(CHMOD \"\${folder}\" PERMISSIONS
				OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ
				GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
		endif()
	endforeach()")
